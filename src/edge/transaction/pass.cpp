#include <algorithm>

#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "edge/transaction/fill.h"
#include "edge/transaction/freshen.h"
#include "edge/transaction/interim.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/forward.h"
#include "http/conditional.h"
#include "http/invalidation.h"

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

CachingDecision decide(const Transaction& tx, const http::ResponseHead& head, WallTime asked_at) {
  Arrival arrival;
  arrival.request = tx.request().fields;
  arrival.path = tx.request().path;
  arrival.status = head.status;
  arrival.response = head.fields;
  arrival.asked_at = asked_at;
  arrival.now = tx.now;
  return decide_caching(*tx.site, tx.rule, arrival);
}

/// RFC 9110 §9.3.3: a POST's answer that says where it is found by GET, namely here, and how long it is fresh, may
/// answer later GETs.
bool may_answer_gets(Transaction& tx, const http::ResponseHead& head) {
  if (tx.request().method != http::Method::kPost || tx.site->profile != http::Profile::kRfc || head.status != 200) {
    return false;
  }
  const http::Fields fields = head.fields;
  const auto authority = tx.request().fields.value(http::FieldId::kHost).value_or(tx.host);
  const std::string_view scheme = tx.exchange.is_tls() ? "https" : "http";
  const auto location = fields.single(http::FieldId::kContentLocation);
  if (!location || !tx.is_cacheable_path) return false;
  const std::string target = forward_target(tx.request());
  if (http::resolve_on_origin(scheme, authority, target, *location) != target) return false;
  const CachingDecision decided = decide(tx, head, tx.now);
  return decided.verdict == http::Storability::kStore && decided.is_explicit;
}

/// Whether the answer to a request that passed only because the one before could not be shared can be: hit-for-miss
/// does not outlive its reason. If not, the next ones pass as well.
bool may_be_shared(Transaction& tx, const http::ResponseHead& head, WallTime asked_at) {
  const http::FieldList& asked = tx.request().fields;
  const bool is_whole =
      head.status != 206 && head.status != 304 && !asked.has(http::FieldId::kRange) && !http::has_preconditions(asked);
  if (!tx.is_hit_for_miss || !is_whole) return false;
  const CachingDecision decided = decide(tx, head, asked_at);
  if (decided.verdict == http::Storability::kStore) return true;
  tx.status.detail = http::to_string(decided.verdict);
  tx.store().pass_until(tx.key.slot(), tx.worker.reactor().in(kPassFor));
  return false;
}

/// Stores the answer on its way to the client. False when it cannot be: then it is still to be sent.
io::Task<bool> store_on_the_way(Transaction& tx, cache::CacheKey key, Answer& answer, WallTime asked_at,
                                cache::Moment asked) {
  auto writer = tx.store().begin_store(key, tx.base, tx.host, tx.target, tx.mono(), asked);
  if (!writer) co_return false;
  auto handoff = std::make_shared<Handoff>();
  handoff->told_requests = answer.requests;  // counted when the answer came
  cache::Ref<cache::Fill> fill = writer.share();
  start_store(tx, std::move(writer), key, std::move(answer), asked_at, handoff);
  (void)co_await follow(tx, std::move(fill), std::move(handoff), {});
  co_return true;
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

void note_answer(Transaction& tx, Answer& answer) {
  tx.origin_requests += answer.requests;
  tx.upstream = std::move(answer.upstream);
  tx.status.forward_status = answer.response.status();
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
  InterimPass interim(tx.exchange);
  forwarded.request.interim = &interim;
  forwarded.request.accepts_unknown_coding = tx.site->profile == http::Profile::kRfc;
  cache::Moment asked = tx.store().moment(tx.primary);
  const WallTime asked_at = tx.worker.wall_now();
  auto answer = co_await send_upstream(tx.worker, tx.config, *tx.site, forwarded);
  tx.now = tx.worker.wall_now();
  if (!answer) {
    ++tx.origin_requests;
    co_return co_await refuse_failure(tx, std::move(answer).error());
  }
  note_answer(tx, *answer);
  const http::ResponseHead& head = answer->response.head();
  if (http::invalidates(tx.request().method, head.status)) invalidate_targets(tx, head.fields);
  if (tx.request().method == http::Method::kHead && head.status == 200) {
    freshen_by_head(tx, head, asked_at, answer->born ? std::min(asked.purges, *answer->born) : asked.purges);
  }
  if (may_be_shared(tx, head, asked_at)) {
    if (co_await store_on_the_way(tx, tx.key, *answer, asked_at, asked)) co_return;
  } else if (may_answer_gets(tx, head)) {
    const cache::CacheKey key{tx.primary};
    asked.invalidations = tx.store().moment(tx.primary).invalidations;  // its own came with the answer
    if (co_await store_on_the_way(tx, key, *answer, asked_at, asked)) co_return;
  }
  co_await respond_stream(tx, std::move(answer->response));
}

}  // namespace yz::edge
