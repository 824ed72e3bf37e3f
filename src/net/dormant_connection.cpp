#include "net/dormant_connection.h"

#include <utility>

namespace yz::net {

void DormantConnection::keep(HttpServer& server, ServedConnection connection, MonoTime deadline) {
  auto* const kept = new DormantConnection(server, std::move(connection), deadline);
  if (kept->await_ready() || !kept->wait()) kept->on_done();
}

DormantConnection::DormantConnection(HttpServer& server, ServedConnection connection, MonoTime deadline)
    : FdOp(connection.stream->watch(), io::Half::kRead, deadline), server_(server), connection_(std::move(connection)) {
  ++server_.counts_.dormant;
  append_to(server_.dormant_);
}

DormantConnection::~DormantConnection() {
  give_up();  // before the stream goes with its watch
  --server_.counts_.dormant;
}

void DormantConnection::end() {
  HttpServer& server = server_;
  const IpAddress address = connection_.peer.address;
  if (connection_.is_tls) connection_.stream->shutdown_write();
  delete this;
  server.leave(address);
}

void DormantConnection::on_done() {
  if (is_over_) return end();
  HttpServer& server = server_;
  ServedConnection connection = std::move(connection_);
  delete this;
  server.wake(std::move(connection));
}

}  // namespace yz::net
