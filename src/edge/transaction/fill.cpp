#include "edge/transaction/fill.h"

#include <fmt/format.h>

#include "base/log.h"
#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "edge/transaction/fair_share.h"
#include "edge/upstream/forward.h"
#include "http/storability.h"
#include "http/validation.h"
#include "http/vary.h"

namespace yz::edge {
namespace {

/// How long requests for a response that proved not to be shareable do not queue behind each other.
constexpr std::chrono::seconds kPassFor{2};
constexpr std::chrono::seconds kRoomTimeout{60};

/// Everything a fill needs, its own or held: the transaction may be gone.
struct Order {
  Worker& worker;
  std::shared_ptr<const ConfigPtr> held;
  const Site& site;
  const model::CacheRule* rule;
  cache::FillWriter writer;
  cache::CacheKey key;
  std::string host;
  std::string target;
  http::HeaderMap request_fields;  ///< the viewer's, for Vary and Authorization
  Forwarded forwarded;
  cache::Ref<cache::Object> seen;
  std::shared_ptr<Handoff> handoff;
};

/// The origin's directives under the domain's rule (model::CacheAction).
struct Decided {
  http::ResponseDirectives directives;
  http::Lifetime lifetime;
  http::StoredPolicy policy;
};

Decided decide(const Order& order, http::StatusCode status, http::Fields response, WallTime asked_at, WallTime now) {
  Decided out;
  out.directives = http::response_directives(response);
  const bool has_rule = order.rule != nullptr && order.rule->ttl > std::chrono::seconds(0);
  const bool overrides = has_rule && order.rule->action == model::CacheAction::kTtl && status < 400;
  if (overrides) {
    out.directives.s_maxage.reset();
    out.directives.max_age = order.rule->ttl;
    out.directives.no_cache = out.directives.must_revalidate = out.directives.proxy_revalidate = false;
    out.directives.is_public = true;
  }
  out.lifetime = http::freshness_lifetime(status, response, out.directives, now);
  const bool names_none =
      !out.lifetime.is_explicit && !out.directives.no_cache && http::is_heuristically_cacheable(status);
  if (has_rule && order.rule->action == model::CacheAction::kHonourOrigin && names_none) {
    out.directives.max_age = order.rule->ttl;
    out.lifetime = {order.rule->ttl, false, true};
  }
  out.policy = http::stored_policy(status, response, out.directives, asked_at, now);
  return out;
}

bool is_failure(http::StatusCode status) { return status == 500 || status == 502 || status == 503 || status == 504; }

/// An answer of the origin's that is itself a failure never stands in for another.
bool may_stand_in(const Order& order) {
  return order.seen && !is_failure(order.seen->status()) &&
         http::may_serve_on_error(policy_of(*order.seen), order.site.domain.stale_on_error,
                                  order.worker.reactor().wall_now());
}

cache::Seq born_of(const Order& order, const Answer& answer) {
  const cache::Seq own = order.writer.fill().born();
  return answer.born ? std::min(own, *answer.born) : own;
}

void note_answer(const Order& order, const Answer& answer) {
  if (!order.handoff) return;
  order.handoff->origin_requests += answer.requests;
  order.handoff->upstream = answer.upstream;
  order.handoff->status = answer.response.status();
}

/// RFC 9111 §4.3.4: the stored body with the fields of the 304. False when the 304 speaks of something else.
bool finish_refreshed(Order& order, const Answer& answer, WallTime asked_at) {
  const http::HeaderMap old = stored_fields(*order.seen);
  if (!http::confirms(answer.response.head().fields, old)) return false;
  const http::HeaderMap merged = http::merge_fields(old, answer.response.head().fields);
  const WallTime now = order.worker.reactor().wall_now();
  const Decided decided = decide(order, order.seen->status(), merged, asked_at, now);
  ObjectDraft draft(order.seen->status(), merged, decided.policy, asked_at, order.seen->body_size(),
                    (*order.held)->node_name);
  draft.place(order.seen->key(), order.seen->base(), born_of(order, answer), order.host, order.target);
  draft.set_vary(std::string(order.seen->vary()));
  auto refreshed = order.worker.server().store().make_refreshed(*order.seen, draft.meta());
  if (!refreshed) {
    order.writer.fail({Code::kLimit, Fault::kSelf, true, "no memory is left for the fields of a validated response"});
    return true;
  }
  if (order.handoff) order.handoff->is_revalidated = true;
  order.writer.finish_with(std::move(refreshed));
  return true;
}

/// Reads the body into the store. The upstream's connection goes back to its pool when the body ended cleanly.
io::Task<void> stream_body(Order& order, Answer answer) {
  FairShare share;
  for (;;) {
    auto room = co_await order.writer.prepare(order.worker.reactor().in(kRoomTimeout));
    if (!room) co_return order.writer.fail(std::move(room).error());
    auto size = co_await answer.response.read(*room);
    if (!size) co_return order.writer.fail(std::move(size).error());
    if (*size == 0) break;
    order.writer.commit(*size);
    if (order.handoff) order.handoff->origin_bytes = answer.response.bytes_in();
    if (share.is_used_up(*size)) co_await io::yield();
  }
  if (order.handoff) order.handoff->origin_bytes = answer.response.bytes_in();
  order.writer.finish();
}

void give_to_leader(Order& order, Answer answer) {
  const auto pass_for = order.site.profile == http::Profile::kRfc ? std::chrono::seconds(0) : kPassFor;
  if (order.handoff) order.handoff->response = std::move(answer.response);
  order.writer.declare_uncacheable(order.worker.reactor().now() + pass_for);
}

io::Task<void> publish_and_stream(Order& order, Answer answer, WallTime asked_at) {
  const http::ResponseHead& head = answer.response.head();
  const WallTime now = order.worker.reactor().wall_now();
  const Decided decided = decide(order, head.status, head.fields, asked_at, now);
  const auto verdict = http::decide_storability(http::Method::kGet, order.request_fields, head.status, head.fields,
                                                decided.directives, decided.lifetime, order.site.profile);
  if (verdict != http::Storability::kStore) co_return give_to_leader(order, std::move(answer));

  const bool has_length = head.framing == http::Framing::kLength || head.framing == http::Framing::kNone;
  const auto length = has_length ? std::optional(head.content_length) : std::nullopt;
  ObjectDraft draft(head.status, head.fields, decided.policy, asked_at, length, (*order.held)->node_name);
  cache::CacheKey key = order.key;
  const std::string names = join_names(http::varying_fields(head.fields));
  key.variant = variant_of(names, order.request_fields, order.worker.scratch());
  draft.place(key, cache::BaseId{order.forwarded.base}, born_of(order, answer), order.host, order.target);
  draft.set_vary(names);
  if (!order.writer.publish_head(draft.meta())) {
    if (order.handoff) order.handoff->response = std::move(answer.response);
    co_return;
  }
  co_await stream_body(order, std::move(answer));
}

io::Task<void> run_fill(Order order) {
  const bool validates = order.seen && (order.seen->flags() & kHasValidator) != 0;
  for (bool conditional = validates;; conditional = false) {
    Forwarded forwarded = order.forwarded;
    http::make_conditional(forwarded.request.headers,
                           conditional ? http::Fields(StoredValidators(*order.seen).fields()) : http::Fields());
    const WallTime asked_at = order.worker.reactor().wall_now();
    auto answer = co_await send_upstream(order.worker, order.held, order.site, std::move(forwarded));
    if (!answer) {
      if (order.handoff) ++order.handoff->origin_requests;
      co_return order.writer.fail(std::move(answer).error());
    }
    note_answer(order, *answer);
    order.worker.server().counters().origin_requests.add(answer->requests);
    const http::StatusCode status = answer->response.status();
    if (status == 304 && conditional) {
      if (finish_refreshed(order, *answer, asked_at)) co_return;
      continue;  // RFC 9111 §4.3.3: ask again without conditions
    }
    if (is_failure(status) && may_stand_in(order)) {
      co_return order.writer.fail(
          {Code::kUnavailable, Fault::kOrigin, true, fmt::format("the origin said {}", status)});
    }
    co_return co_await publish_and_stream(order, std::move(*answer), asked_at);
  }
}

}  // namespace

void start_fill(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, cache::Ref<cache::Object> seen,
                std::shared_ptr<Handoff> handoff) {
  Order order{tx.worker,
              tx.config,
              *tx.site,
              tx.rule,
              std::move(writer),
              key,
              std::string(tx.host),
              std::string(tx.target),
              http::HeaderMap(tx.request().fields),
              forward_of(tx),
              std::move(seen),
              std::move(handoff)};
  tx.worker.reactor().spawn_into(tx.worker.background(), run_fill(std::move(order)));
}

}  // namespace yz::edge
