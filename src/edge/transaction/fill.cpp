#include "edge/transaction/fill.h"

#include <fmt/format.h>

#include "base/log.h"
#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/slice_desk.h"
#include "edge/stored_object.h"
#include "edge/transaction/caching_decision.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/freshen.h"
#include "edge/transaction/interim.h"
#include "edge/transaction/resume.h"
#include "edge/transaction/slice_run.h"
#include "edge/transaction/slices.h"
#include "edge/upstream/forward.h"
#include "http/validation.h"
#include "http/vary.h"

namespace yz::edge {
namespace {

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
  std::optional<http::ByteRange> probe;  ///< slices to ask for, when the viewer wants a range of what is not stored
};

/// The representation of which an answer carries all or, from byte `at` on, a part.
struct Carried {
  http::StatusCode status = 0;          ///< of the whole: 200 for a 206
  std::optional<std::uint64_t> length;  ///< of the whole
  http::ByteRange part;                 ///< of a 206: what the body holds
  [[nodiscard]] bool is_complete() const { return status != 200 || !length || part.length() == *length; }
};

CachingDecision decide(const Order& order, http::StatusCode status, http::Fields response, WallTime asked_at,
                       WallTime now) {
  Arrival arrival;
  arrival.request = order.request_fields;
  arrival.path = std::string_view(order.forwarded.request.target).substr(0, order.forwarded.request.target.find('?'));
  arrival.status = status;
  arrival.response = response;
  arrival.asked_at = asked_at;
  arrival.now = now;
  return decide_caching(order.site, order.rule, arrival);
}

bool is_failure(http::StatusCode status) { return status == 500 || status == 502 || status == 503 || status == 504; }

/// An answer of the origin's that is itself a failure never stands in for another.
bool may_stand_in(const Order& order) {
  return order.seen && !is_failure(order.seen->status()) &&
         http::may_serve_on_error(policy_of(*order.seen), order.site.domain.stale_on_error, order.worker.wall_now());
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
  http::HeaderMap merged = http::merge_fields(old, answer.response.head().fields);
  // The slices are found by the validator they came with.
  if (is_sliced(*order.seen) && !order.seen->etag().empty()) merged.set(http::FieldId::kEtag, order.seen->etag());
  const WallTime now = order.worker.wall_now();
  const CachingDecision decided = decide(order, order.seen->status(), merged, asked_at, now);
  cache::Cache& store = order.worker.server().store();
  auto renewed =
      freshened(store, *order.seen, merged, decided, asked_at, born_of(order, answer), (*order.held)->node_name);
  if (!renewed) renewed = order.seen;  // no memory for the new fields: it is valid as it is
  if (order.handoff) order.handoff->is_revalidated = true;
  order.writer.finish_with(renewed);
  // A 304 may take back the leave to store.
  if (decided.verdict != http::Storability::kStore) store.remove(*renewed);
  return true;
}

/// A POST whose answer is stored (start_store) is never sent again.
bool is_get(const Order& order) { return order.forwarded.request.method == "GET"; }

Forwarded plain_request(const Order& order) {
  Forwarded plain = order.forwarded;
  http::make_conditional(plain.request.headers, http::Fields());
  plain.request.interim = nullptr;
  return plain;
}

/// The upstream broke off at byte `at`: the rest from whoever has the same bytes. Fails as `broken` says when nobody
/// can prove it.
io::Task<Result<Answer>> carry_on(Order& order, const Carried& carried, std::optional<http::StrongValidator> version,
                                  std::uint64_t at, Error broken) {
  const bool may_ask = is_get(order) && carried.status == 200 && carried.length && version && at < *carried.length;
  if (!may_ask) co_return fail(std::move(broken));
  auto rest = co_await ask_for_rest(order.worker, order.held, order.site, plain_request(order), *std::move(version),
                                    *carried.length, at);
  if (rest && order.handoff) order.handoff->origin_requests += rest->requests;
  co_return rest;
}

Error every_viewer_left() { return {Code::kCancelled, Fault::kClient, true, "every viewer who waited has left"}; }

/// Whether a fill that nobody reads any more is not worth its end (model::OnClientAbort). One that was begun behind
/// viewers' backs never had readers, and goes on.
bool is_given_up(const Order& order, const Carried& carried, std::uint64_t at) {
  const model::OriginGroup& group = order.site.origins;
  if (group.on_client_abort != model::OnClientAbort::kStopBelow || !order.handoff) return false;
  if (order.writer.fill().readers() > 0) return false;
  return !carried.length || at * 100 < *carried.length * group.finish_percent;
}

/// Reads the body into the store. The upstream's connection goes back to its pool when the body ended cleanly.
io::Task<void> stream_body(Order& order, Answer answer, Carried carried) {
  const auto version = http::strong_validator(answer.response.head().fields, order.worker.wall_now());
  std::uint64_t at = 0;
  FairShare share;
  for (;;) {
    auto room = co_await order.writer.prepare(order.worker.reactor().in(kRoomTimeout));
    if (!room) co_return order.writer.fail(std::move(room).error());
    auto size = co_await answer.response.read(*room);
    if (!size) {
      auto rest = co_await carry_on(order, carried, version, at, std::move(size).error());
      if (!rest) co_return order.writer.fail(std::move(rest).error());
      answer = *std::move(rest);
      continue;
    }
    if (*size == 0) break;
    order.writer.commit(*size);
    at += *size;
    if (order.handoff) order.handoff->origin_bytes += *size;
    if (is_given_up(order, carried, at)) co_return order.writer.fail(every_viewer_left());
    if (share.is_used_up(*size)) co_await io::yield();
  }
  order.writer.finish();
}

/// Under the rfc profile what is stored and can be validated is asked for with conditions each time.
std::chrono::seconds pass_time(const Order& order) {
  return order.site.profile == http::Profile::kRfc && order.seen ? std::chrono::seconds(0) : kPassFor;
}

void give_to_leader(Order& order, Answer answer) {
  if (order.handoff) order.handoff->response = std::move(answer.response);
  order.writer.declare_uncacheable(order.worker.reactor().in(pass_time(order)));
}

SliceDesk& desk_of(const Order& order) { return order.worker.server().slices(); }

/// None: a 206 that is not what was asked for.
std::optional<Carried> carried_by(const Order& order, const http::ResponseHead& head) {
  Carried out{head.status, std::nullopt, {}};
  const bool has_length = head.framing == http::Framing::kLength || head.framing == http::Framing::kNone;
  if (has_length) out.length = head.content_length;
  if (head.status != 206 || !order.probe) {
    out.part = {0, out.length.value_or(1) - 1};
    return out;
  }
  const auto field = http::Fields(head.fields).single(http::FieldId::kContentRange);
  const auto given = field ? http::parse_content_range(*field) : std::nullopt;
  if (!given || given->range.first != order.probe->first || given->range.last > order.probe->last) return std::nullopt;
  if (has_length && head.content_length != given->range.length()) return std::nullopt;
  return Carried{200, given->total, given->range};
}

/// A part of something that is not to be put together from parts: viewers' ranges are passed on as they are.
void leave_to_viewers(Order& order, std::chrono::seconds pass_for) {
  desk_of(order).note_unshared(order.key.primary, order.worker.reactor().now());
  order.writer.declare_uncacheable(order.worker.reactor().now() + pass_for);
}

/// Whether it is stored in slices: what is large, or came in part, and has a validator to put it together by.
bool is_for_slices(const Order& order, const Carried& carried, http::Fields fields) {
  const SliceDesk& desk = desk_of(order);
  if (!desk.is_enabled() || !is_get(order) || carried.status != 200 || !carried.length) return false;
  if (carried.is_complete() && *carried.length <= desk.above()) return false;
  return http::strong_validator(fields, order.worker.wall_now()).has_value();
}

/// The root for everyone who waits, and the slices of this answer as they arrive.
io::Task<void> publish_in_slices(Order& order, Answer answer, Carried carried, ObjectDraft& draft) {
  draft.set_slices(desk_of(order).slice_size());
  auto root = order.worker.server().store().make_head(draft.meta());
  if (!root) {  // no memory
    if (answer.response.status() == 206) co_return leave_to_viewers(order, std::chrono::seconds(0));
    co_return give_to_leader(order, std::move(answer));
  }
  const auto tally = order.handoff ? order.handoff : std::make_shared<Handoff>();
  SliceSource source{order.worker, order.held, order.site, plain_request(order), SlicedObject(root), tally};
  const SliceLayout layout = source.object.layout();
  const bool is_whole = answer.response.status() == 200;
  SliceRun run(std::move(source), layout.slice_of(carried.part.first), layout.slice_of(carried.part.last) + 1, {});
  run.begin_with(std::move(answer), carried.part.first, is_whole);
  run.lead_ahead();
  order.writer.finish_with(std::move(root));
  co_await run.run();
}

/// The variant under which a response in one language is also stored: that of a request which prefers this language, so
/// that it need not have been the first to ask (rfc profile; not every site's Content-Language can be trusted).
std::optional<Hash128> variant_by_language(Order& order, http::Fields response, std::string_view names) {
  const auto language = response.single(http::FieldId::kContentLanguage);
  if (order.site.profile != http::Profile::kRfc || !language || language->find(',') != std::string_view::npos) {
    return std::nullopt;
  }
  return language_variant(names, order.request_fields, *language, order.worker.scratch());
}

io::Task<void> publish_and_stream(Order& order, Answer answer, Carried carried, WallTime asked_at) {
  const http::ResponseHead& head = answer.response.head();
  const WallTime now = order.worker.wall_now();
  const CachingDecision decided = decide(order, carried.status, head.fields, asked_at, now);
  if (decided.verdict != http::Storability::kStore) {
    if (order.handoff) order.handoff->not_stored = http::to_string(decided.verdict);
    if (head.status == 206 && carried.status == 200) co_return leave_to_viewers(order, pass_time(order));
    co_return give_to_leader(order, std::move(answer));
  }
  http::HeaderMap fields(head.fields);
  if (decided.strips_cookies) fields.remove(http::FieldId::kSetCookie);
  if (head.status == 206) fields.remove(http::FieldId::kContentRange);  // it is the whole that is stored
  ObjectDraft draft(carried.status, fields, decided.policy, asked_at, carried.length, (*order.held)->node_name);
  cache::CacheKey key = order.key;
  const std::string names = join_names(http::varying_fields(head.fields));
  key.variant = variant_of(names, order.request_fields, order.worker.scratch());
  draft.place(key, cache::BaseId{order.forwarded.base}, born_of(order, answer), order.host, order.target);
  draft.set_vary(names);
  if (is_for_slices(order, carried, head.fields)) {
    co_return co_await publish_in_slices(order, std::move(answer), carried, draft);
  }
  if (!carried.is_complete()) co_return leave_to_viewers(order, std::chrono::seconds(0));
  const bool is_partial = head.status == 206;
  if (const auto other = variant_by_language(order, fields, names)) order.writer.store_also_as(*other);
  if (!order.writer.publish_head(draft.meta())) {
    if (order.handoff && !is_partial) order.handoff->response = std::move(answer.response);
    co_return;
  }
  co_await stream_body(order, std::move(answer), carried);
}

/// False when this 206 or 416 is of no use to anyone and the whole is to be asked for instead.
bool is_useful(Order& order, const Answer& answer, const std::optional<Carried>& carried) {
  SliceDesk& desk = desk_of(order);
  const MonoTime now = order.worker.reactor().now();
  if (answer.response.status() == 200) desk.note_range_ignored(order.key.primary, now);
  if (carried && carried->is_complete()) return true;
  const bool is_provable = carried && http::strong_validator(answer.response.head().fields, order.worker.wall_now());
  // What cannot be put together from parts is kept whole, if it can be kept at all.
  const bool is_kept_whole = !carried || (!is_provable && *carried->length <= desk.most_kept());
  if (is_kept_whole) desk.note_range_ignored(order.key.primary, now);
  return !is_kept_whole;
}

io::Task<void> run_fill(Order order) {
  const bool validates = order.seen && (order.seen->flags() & kHasValidator) != 0;
  InterimQueue interim(order.handoff, order.writer);
  RevalidationBackoff& backoff = order.worker.server().backoff();
  http::make_conditional(order.forwarded.request.headers, http::Fields());
  order.forwarded.request.interim = &interim;
  order.forwarded.request.accepts_unknown_coding = order.site.profile == http::Profile::kRfc;
  for (bool conditional = validates;; conditional = false) {
    std::optional<Forwarded> special;
    if (conditional || order.probe) special = order.forwarded;
    if (conditional) http::make_conditional(special->request.headers, StoredValidators(*order.seen).fields());
    if (order.probe) {
      const std::uint64_t first = order.probe->first / desk_of(order).slice_size();
      ask_for_part(*special, {}, *order.probe, SliceLayout::group_of(first));
    }
    const Forwarded& forwarded = special ? *special : order.forwarded;
    const WallTime asked_at = order.worker.wall_now();
    auto answer = co_await send_upstream(order.worker, order.held, order.site, forwarded);
    if (!answer) {
      if (order.seen) backoff.note_failure(order.key.slot(), order.worker.mono_now());
      if (order.handoff) ++order.handoff->origin_requests;
      co_return order.writer.fail(std::move(answer).error());
    }
    note_answer(order, *answer);
    const http::StatusCode status = answer->response.status();
    if (status == 304 && conditional) {
      if (finish_refreshed(order, *answer, asked_at)) {
        backoff.note_success(order.key.slot());
        co_return;
      }
      continue;  // RFC 9111 §4.3.3: ask again without conditions
    }
    if (is_failure(status) && may_stand_in(order)) {
      backoff.note_failure(order.key.slot(), order.worker.mono_now());
      co_return order.writer.fail(
          {Code::kUnavailable, Fault::kOrigin, true, fmt::format("the origin said {}", status)});
    }
    if (status == 416 && order.probe) {
      // Of use to the leader's viewer alone; who waits asks anew.
      if (order.handoff) order.handoff->response = std::move(answer->response);
      co_return;
    }
    if (order.seen) backoff.note_success(order.key.slot());
    const auto carried = carried_by(order, answer->response.head());
    if (order.probe && !is_useful(order, *answer, carried)) {
      order.probe.reset();
      continue;
    }
    co_return co_await publish_and_stream(order, std::move(*answer), *carried, asked_at);
  }
}

io::Task<void> run_store(Order order, Answer answer, WallTime asked_at) {
  note_answer(order, answer);
  const auto carried = carried_by(order, answer.response.head());
  co_await publish_and_stream(order, std::move(answer), *carried, asked_at);
}

Order order_of(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, cache::Ref<cache::Object> seen,
               std::shared_ptr<Handoff> handoff) {
  return {tx.worker,
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
          std::move(handoff),
          std::nullopt};
}

}  // namespace

void start_fill(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, cache::Ref<cache::Object> seen,
                std::shared_ptr<Handoff> handoff) {
  Order order = order_of(tx, std::move(writer), key, std::move(seen), std::move(handoff));
  // What is stored answers GET: a HEAD that finds it stale has it validated, and would bring no body.
  if (tx.request().method == http::Method::kHead) order.forwarded.request.method = "GET";
  order.probe = first_slices(tx, order.seen.get());
  tx.worker.reactor().spawn_into(tx.worker.background(), run_fill(std::move(order)));
}

void start_store(Transaction& tx, cache::FillWriter writer, const cache::CacheKey& key, Answer answer,
                 WallTime asked_at, std::shared_ptr<Handoff> handoff) {
  tx.worker.reactor().spawn_into(
      tx.worker.background(),
      run_store(order_of(tx, std::move(writer), key, {}, std::move(handoff)), std::move(answer), asked_at));
}

}  // namespace yz::edge
