#include "edge/transaction/transaction.h"

#include "edge/edge_server.h"

namespace yz::edge {

Transaction::Transaction(Worker& on, net::Exchange& of)
    : worker(on), exchange(of), config(on.config()), now(on.wall_now()), head(&of.request()) {
  append_to(on.running());
}

Transaction::~Transaction() { worker.server().account(*this); }

cache::Cache& Transaction::store() const { return worker.server().store(); }

void Transaction::take_over(std::unique_ptr<http::RequestHead> marked) {
  own_head = std::move(marked);
  head = own_head.get();
  is_redirected = true;
}

}  // namespace yz::edge
