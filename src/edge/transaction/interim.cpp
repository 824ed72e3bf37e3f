#include "edge/transaction/interim.h"

#include "http/hop_by_hop.h"

namespace yz::edge {

Interim interim_of(const http::ResponseHead& head) {
  Interim out;
  out.status = head.status;
  const http::Fields fields = head.fields;
  for (const http::Field& field : fields) {
    if (!http::is_hop_by_hop(field, fields) && !http::is_internal(field)) out.fields.add(field.name, field.value);
  }
  return out;
}

io::Task<void> InterimQueue::on_interim(const http::ResponseHead& head) {
  if (!handoff_) co_return;
  handoff_->interims.push_back(interim_of(head));
  writer_.nudge();
}

io::Task<void> InterimPass::on_interim(const http::ResponseHead& head) {
  Interim interim = interim_of(head);
  (void)co_await exchange_.send_interim(interim.status, std::move(interim.fields));
}

}  // namespace yz::edge
