#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/forward.h"
#include "http/invalidation.h"
#include "http/validation.h"

namespace yz::edge {
namespace {

/// The viewer's body, read as the upstream takes it.
class ExchangeBody final : public net::BodySource {
 public:
  explicit ExchangeBody(net::Exchange& exchange) : exchange_(exchange) {}
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    const http::RequestHead& head = exchange_.request();
    return head.framing == http::Framing::kLength ? std::optional(head.content_length) : std::nullopt;
  }
  [[nodiscard]] io::Task<Result<std::size_t>> read(std::span<char> into) override { return exchange_.read_body(into); }

 private:
  net::Exchange& exchange_;
};

/// RFC 9111 §4.4, on this node; other nodes learn of changes by their origin's validators or by a refresh.
void invalidate_targets(Transaction& tx, http::Fields response) {
  const auto authority = tx.request().fields.value(http::FieldId::kHost).value_or(tx.host);
  const std::string_view scheme = tx.exchange.is_tls() ? "https" : "http";
  for (const auto& target : http::invalidated_targets(scheme, authority, forward_target(tx.request()), response)) {
    tx.store().invalidate(cache::primary_key(tx.host, key_target(target, tx.site->domain.key_rule)));
  }
}

/// RFC 9111 §4.3.5: a HEAD that contradicts what is stored for GET makes that outdated.
void compare_with_stored(Transaction& tx, const http::ResponseHead& head) {
  auto found = tx.store().lookup(
      tx.primary, [&](std::string_view names) { return variant_of(names, tx.request().fields, tx.worker.scratch()); });
  if (!found.object || found.object->status() != 200) return;
  const StoredValidators validators(*found.object);
  if (http::compare_head(head.fields, validators.fields(), representation_length(*found.object)) ==
      http::HeadVerdict::kInvalidate) {
    tx.store().remove(*found.object);
  }
}

}  // namespace

Forwarded forward_of(Transaction& tx) {
  Forwarded out;
  out.request.method = tx.request().method_text;
  out.request.target = forward_target(tx.request());
  out.request.host = tx.request().fields.value(http::FieldId::kHost).value_or(tx.request().host);
  out.request.headers =
      forwarded_fields(tx.request(), tx.running(), tx.client, static_cast<bool>(tx.peer), tx.exchange.is_tls());
  out.base = tx.base.value;
  out.purge_seq = tx.store().purges().latest();
  out.may_ask_peer = !tx.peer;
  return out;
}

io::Task<void> pass(Transaction& tx, http::Forward why) {
  tx.status = {.forward = why};
  tx.result = why == http::Forward::kMethod || why == http::Forward::kBypass ? model::CacheResult::kBypass
                                                                             : model::CacheResult::kMiss;
  Forwarded forwarded = forward_of(tx);
  ExchangeBody body(tx.exchange);
  if (tx.exchange.has_body()) {
    forwarded.request.body_source = &body;
    forwarded.may_retry = false;
  }
  auto answer = co_await send_upstream(tx.worker, tx.config, *tx.site, std::move(forwarded));
  tx.now = tx.worker.reactor().wall_now();
  if (!answer) {
    ++tx.origin_requests;
    co_return co_await refuse_failure(tx, std::move(answer).error());
  }
  tx.origin_requests += answer->requests;
  tx.upstream = std::move(answer->upstream);
  tx.worker.server().counters().origin_requests.add(answer->requests);
  const http::ResponseHead& head = answer->response.head();
  tx.status.forward_status = head.status;
  if (http::invalidates(tx.request().method, head.status)) invalidate_targets(tx, head.fields);
  if (tx.request().method == http::Method::kHead && head.status == 200) compare_with_stored(tx, head);
  co_await respond_stream(tx, std::move(answer->response));
}

}  // namespace yz::edge
