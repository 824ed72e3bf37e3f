#include <algorithm>
#include <memory>

#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/head_tail.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"
#include "edge/transaction/slices.h"
#include "edge/upstream/failure.h"
#include "http/conditional.h"
#include "http/range.h"
#include "http/strong_validator.h"

namespace yz::edge {
namespace {

/// Longer than any upstream may take to show a head; then something of ours is wrong and waiting on would hide it.
constexpr std::chrono::minutes kHeadTimeout{5};
constexpr std::chrono::minutes kBodyTimeout{5};
/// So that who wakes at a leader's deadline finds it past.
constexpr std::chrono::milliseconds kPastDeadline{2};

iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

bool selects_same_variant(Transaction& tx, const cache::Object& head) {
  if (head.vary().empty()) return true;
  return variant_of(head.vary(), tx.request().fields, tx.worker.scratch()) == head.key().variant;
}

void note_leader(Transaction& tx, Handoff* handoff) {
  if (handoff == nullptr) return;
  tx.origin_requests += handoff->origin_requests - std::exchange(handoff->told_requests, handoff->origin_requests);
  tx.origin_bytes += handoff->origin_bytes - std::exchange(handoff->told_bytes, handoff->origin_bytes);
  tx.upstream = handoff->upstream;
  tx.status.forward_status = handoff->status;
  if (handoff->is_revalidated) tx.result = model::CacheResult::kRevalidated;
  if (!handoff->not_stored.empty()) tx.status.detail = handoff->not_stored;
}

/// The one range of the request that can be served while the body is still arriving; none: send everything.
std::optional<http::ByteRange> streamable_range(Transaction& tx, const cache::Object& head, std::uint64_t length) {
  const http::Field* field = tx.request().fields.find(http::FieldId::kRange);
  if (field == nullptr || head.status() != 200 || tx.request().method != http::Method::kGet) return std::nullopt;
  if ((head.flags() & kNoRanges) != 0) return std::nullopt;
  const StoredValidators validators(head);
  if (!http::range_condition_holds(tx.request().fields, validators.fields(), tx.now)) return std::nullopt;
  const auto set = http::RangeSet::parse(field->value, length);
  if (set.kind() != http::RangeSet::Kind::kPartial || set.ranges().size() != 1) return std::nullopt;
  return set.ranges().front();
}

void begin_streaming(Transaction& tx, const cache::Object& head, std::optional<std::uint64_t> length,
                     std::optional<http::ByteRange> range) {
  HeadTail tail;
  add_age_and_status(tail, tx, head);
  if (!range) {
    const std::array<iovec, 2> pieces = {piece(head.head_before_age()), piece(tail.text())};
    tx.exchange.begin_raw(head.status(), pieces, {length});
    return;
  }
  const std::string content_range = http::content_range(*range, *length);
  tail.field("Content-Range", content_range);
  const std::string_view all = head.head_before_age();
  const std::array<iovec, 3> pieces = {piece("HTTP/1.1 206 Partial Content\r\n"), piece(all.substr(all.find('\n') + 1)),
                                       piece(tail.text())};
  tx.exchange.begin_raw(206, pieces, {range->length()});
}

/// For a client that fell behind the window of a body too large to keep: fetches the rest for it alone, if a strong
/// validator proves that it is the same body. Otherwise the connection ends without a clean end.
io::Task<void> resume_alone(Transaction& tx, cache::Ref<cache::Object> head, std::uint64_t position,
                            std::uint64_t left) {
  const auto total = extra_of(*head).length;
  const StoredValidators validators(*head);
  const auto version = http::strong_validator(validators.fields(), head->response_time());
  if (!total || !version) co_return tx.exchange.abort();
  const http::ByteRange rest{position, position + left - 1};
  if (!co_await send_alone(tx, *version, *total, rest)) co_return tx.exchange.abort();
  (void)co_await tx.exchange.finish();
}

/// Sends what arrives until `left` bytes (none: all) are sent. An upstream that breaks off, or a client too slow for
/// the window of a body that is not kept, ends the connection without a clean end.
io::Task<void> send_arriving(Transaction& tx, cache::FillReader& reader, std::optional<std::uint64_t> left) {
  FairShare share;
  while (!left || *left > 0) {
    const auto limit = std::min(left.value_or(cache::FillReader::kReadLimit), cache::FillReader::kReadLimit);
    const auto next = co_await reader.read(tx.worker.reactor().in(kBodyTimeout), limit);
    if (next == cache::FillReader::Next::kEnd) break;
    if (next == cache::FillReader::Next::kLagging && left) {
      co_return co_await resume_alone(tx, reader.head(), reader.position(), *left);
    }
    if (next != cache::FillReader::Next::kData) co_return tx.exchange.abort();
    std::uint64_t size = 0;
    for (const iovec& p : reader.pieces()) size += p.iov_len;
    if (!co_await tx.exchange.send(reader.pieces()) || tx.stops()) co_return;
    reader.advance(size);
    if (left) *left -= size;
    if (share.is_used_up(size)) co_await io::yield();
  }
  (void)co_await tx.exchange.finish();
}

io::Task<void> stream(Transaction& tx, cache::FillReader& reader, cache::Ref<cache::Object> head) {
  const auto length = extra_of(*head).length;
  const StoredValidators validators(*head);
  if (head->status() == 200 && http::has_preconditions(tx.request().fields) &&
      http::evaluate_preconditions(tx.request().method, tx.request().fields, validators.fields(), tx.now) ==
          http::Precondition::kNotModified) {
    // Its head alone says so; the body goes on arriving for the store.
    const std::string text = not_modified_head(stored_fields(*head));
    HeadTail tail;
    add_age_and_status(tail, tx, *head);
    const std::array<iovec, 2> pieces = {piece(text), piece(tail.text())};
    (void)co_await tx.exchange.respond_raw(304, pieces, {});
    co_return;
  }
  const auto range = length ? streamable_range(tx, *head, *length) : std::nullopt;
  begin_streaming(tx, *head, length, range);
  if (range) reader.seek(range->first);
  const auto left = range ? std::optional(range->length()) : length;
  co_await send_arriving(tx, reader, left);
}

/// The fill failed: what is stored stands in where the rules allow (RFC 9111 §4.2.4), else the upstream's failure is
/// told.
io::Task<void> answer_failure(Transaction& tx, const Error& error, cache::Ref<cache::Object> stale) {
  if (stale && http::may_serve_on_error(policy_of(*stale), tx.site->domain.stale_on_error, tx.now)) {
    tx.status = {.hit = true, .detail = reason_of(error)};
    tx.result = model::CacheResult::kStale;
    co_return co_await respond_stored(tx, std::move(stale));
  }
  co_await refuse_failure(tx, error);
}

/// Waits for the head; interim responses that come before it go to the leader's client. Who is not the leader waits no
/// longer than another may take the leader's place.
io::Task<cache::FillState> wait_for_head(Transaction& tx, cache::FillReader& reader, Handoff* handoff) {
  const MonoTime deadline = tx.worker.reactor().in(kHeadTimeout);
  if (handoff == nullptr) {
    co_return co_await reader.wait_for_head(std::min(deadline, reader.fill().leader_deadline()) + kPastDeadline);
  }
  for (;;) {
    while (!handoff->interims.empty()) {
      Interim interim = std::move(handoff->interims.front());
      handoff->interims.erase(handoff->interims.begin());
      if (!co_await tx.exchange.send_interim(interim.status, std::move(interim.fields))) break;
    }
    const auto state = co_await reader.wait_for_head_or_nudge(deadline);
    if (handoff->interims.empty() && (state != cache::FillState::kHeadPending || tx.mono() >= deadline))
      co_return state;
  }
}

}  // namespace

io::Task<Followed> follow(Transaction& tx, cache::Ref<cache::Fill> fill, std::shared_ptr<Handoff> handoff,
                          cache::Ref<cache::Object> stale) {
  cache::FillReader reader(std::move(fill));
  const MonoTime began = tx.mono();
  const auto state = co_await wait_for_head(tx, reader, handoff.get());
  if (!handoff) tx.worker.server().counters().phases.record(Phase::kWait, began, tx.mono());
  tx.now = tx.worker.wall_now();
  note_leader(tx, handoff.get());
  switch (state) {
    case cache::FillState::kHeadPending:
      if (!handoff) co_return Followed::kLate;
      co_await refuse(tx, 504, "the upstream sent no answer in time");
      co_return Followed::kDone;
    case cache::FillState::kAbandoned:
      // An answer that speaks of the leader's range alone.
      if (!handoff || !handoff->response) co_return Followed::kAgain;
      co_await respond_stream(tx, *std::exchange(handoff->response, std::nullopt));
      co_return Followed::kDone;
    case cache::FillState::kFailed:
      co_await answer_failure(tx, reader.fill().error(), std::move(stale));
      co_return Followed::kDone;
    case cache::FillState::kUncacheable:
      if (!handoff || !handoff->response) co_return Followed::kPass;
      tx.result = model::CacheResult::kMiss;
      co_await respond_stream(tx, *std::exchange(handoff->response, std::nullopt));
      co_return Followed::kDone;
    case cache::FillState::kStreaming:
    case cache::FillState::kComplete:
      break;
  }
  cache::Ref<cache::Object> head = reader.head();
  if (!head) co_return Followed::kAgain;
  if (!selects_same_variant(tx, *head)) co_return Followed::kAgain;
  tx.status.stored = true;
  if (cache::Ref<cache::Object> whole = reader.whole()) {
    co_await respond_stored(tx, std::move(whole));
  } else {
    co_await stream(tx, reader, std::move(head));
  }
  note_leader(tx, handoff.get());
  co_return Followed::kDone;
}

}  // namespace yz::edge
