#include "edge/edge_server.h"
#include "edge/transaction/phases.h"
#include "geo/geo_map.h"
#include "sched/decide.h"
#include "sched/view.h"

namespace yz::edge {
namespace {

constexpr std::string_view kMarked = "/.yz/302/";

/// "http://203.0.113.5:8080/.yz/302/www.a.com/path?query": the node's address, marked so that it is never sent on
/// again. Over plain HTTP only: no certificate would fit the address.
std::string marked_location(const model::Node& node, const http::RequestHead& request) {
  const IpAddress& address = node.addresses.front();
  std::string out = "http://";
  out += address.is_v4() ? to_string(address) : "[" + to_string(address) + "]";
  if (node.http_port != 80) out += ":" + std::to_string(node.http_port);
  out += kMarked;
  out += request.host;
  out += request.path;
  if (request.has_query) out.append("?").append(request.query);
  return out;
}

}  // namespace

bool may_belong_elsewhere(const Transaction& tx) {
  const http::Method method = tx.request().method;
  return tx.running().view && tx.site->domain.correction && !tx.peer && !tx.is_redirected && !tx.is_prefetch &&
         !tx.exchange.is_tls() && (method == http::Method::kGet || method == http::Method::kHead);
}

io::Task<bool> correct_viewer(Transaction& tx) {
  const RunningConfig& config = tx.running();
  const http::RequestHead& request = tx.request();
  const auto client = sched::class_of(tx.worker.server().geo().lookup(tx.client));
  const auto better = sched::find_better_node(*config.view, tx.site->domain.id, client,
                                              sched::salt_of(tx.site->domain.id, tx.client), config.self);
  if (!better) co_return false;
  const model::Node* node = config.snapshot->nodes.find(*better);
  if (node == nullptr || node->addresses.empty()) co_return false;
  const Endpoint endpoint{node->addresses.front(), node->http_port};
  if (!co_await tx.worker.node_check().is_ready(*better, endpoint)) co_return false;
  tx.worker.server().counters().corrections.add();
  tx.worker.server().corrections().add(tx.site->domain.id, client, *better);
  http::HeaderMap headers{{"Location", marked_location(*node, request)}, {"Cache-Control", "no-store"}};
  (void)co_await tx.exchange.respond(302, std::move(headers), "");
  co_return true;
}

}  // namespace yz::edge
