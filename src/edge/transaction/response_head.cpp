#include "edge/transaction/response_head.h"

#include "edge/stored_object.h"
#include "http/conditional.h"

namespace yz::edge {
void add_age_and_status(HeadTail& tail, const Transaction& tx, const cache::Object& object) {
  const auto age = policy_of(object).age(tx.now);
  tail.field("Age", static_cast<std::uint64_t>(age.count()));
  tail.add("Cache-Status: ");
  tail.add(tx.running().node_name);
  if (tx.status.hit) {
    tail.add("; hit; ttl=");
    tail.add((object.lifetime() - age).count());
  } else {
    tail.add("; fwd=");
    tail.add(http::to_string(tx.status.forward));
    if (tx.status.forward_status != 0) {
      tail.add("; fwd-status=");
      tail.add(tx.status.forward_status);
    }
    if (tx.status.stored) tail.add("; stored");
    if (tx.status.collapsed) tail.add("; collapsed");
  }
  if (!tx.status.detail.empty()) {
    tail.add("; detail=");
    tail.add(tx.status.detail);
  }
  tail.add("\r\n");
  if (const auto hsts = hsts_of(tx); !hsts.empty()) tail.field("Strict-Transport-Security", hsts);
  if (tx.peer) tail.field("Yz-Born-Seq", object.born().value);
}

std::string_view hsts_of(const Transaction& tx) {
  if (tx.site == nullptr || !tx.exchange.is_tls()) return {};
  return tx.site->hsts;
}

std::string not_modified_head(http::Fields stored) {
  std::string head = "HTTP/1.1 304 Not Modified\r\n";
  for (const http::Field& field : stored) {
    if (http::belongs_in_not_modified(field.id))
      head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return head;
}

}  // namespace yz::edge
