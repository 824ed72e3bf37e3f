#include "edge/transaction/slices.h"

#include <algorithm>
#include <array>

#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "edge/transaction/head_tail.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"
#include "edge/transaction/slice_run.h"
#include "http/part.h"
#include "http/validation.h"

namespace yz::edge {
namespace {

/// Slices behind the one being sent that are asked for already.
constexpr std::size_t kReadAhead = 2;
/// How often a slice is looked for anew after a run was given up.
constexpr int kMostLooks = 3;
/// How often a request starts over because the object changed.
constexpr int kMostRestarts = 2;
constexpr std::chrono::minutes kSliceTimeout{5};
constexpr std::size_t kAloneBuffer = 64 * 1024;

iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

Forwarded plain_request(Transaction& tx) {
  Forwarded forwarded = forward_of(tx);
  http::make_conditional(forwarded.request.headers, http::Fields());
  return forwarded;
}

Error no_room() { return {Code::kLimit, Fault::kSelf, true, "no memory is left to share this body"}; }

}  // namespace

io::Task<bool> send_alone(Transaction& tx, http::StrongValidator version, std::uint64_t total, http::ByteRange bytes) {
  Forwarded forwarded = plain_request(tx);
  ask_for_part(forwarded, version, bytes, 0);
  auto answer = co_await send_upstream(tx.worker, tx.config, *tx.site, forwarded);
  if (!answer) co_return false;
  tx.origin_requests += answer->requests;
  const http::Part part = http::judge_part(answer->response.head(), version, total, bytes);
  const bool is_whole = part.verdict == http::PartVerdict::kWhole;
  if (!is_whole && (part.verdict != http::PartVerdict::kPart || part.range != bytes)) co_return false;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kAloneBuffer);
  FairShare share;
  for (std::uint64_t at = part.range.first; at <= bytes.last;) {
    // An origin that gives no parts gives what comes before, too.
    const std::uint64_t due = at < bytes.first ? bytes.first - at : bytes.last + 1 - at;
    const auto limit = std::min<std::uint64_t>(due, kAloneBuffer);
    const auto size = co_await answer->response.read(std::span(buffer.get(), limit));
    if (!size || *size == 0) co_return false;
    const std::string_view text(buffer.get(), *size);
    if (tx.stops() || (at >= bytes.first && !co_await tx.exchange.send(text))) co_return false;
    at += *size;
    if (share.is_used_up(*size)) co_await io::yield();
  }
  tx.origin_bytes += answer->response.bytes_in();
  co_return true;
}

std::optional<http::ByteRange> first_slices(const Transaction& tx, const cache::Object* seen) {
  const SliceDesk& desk = tx.worker.server().slices();
  const http::Field* field = tx.request().fields.find(http::FieldId::kRange);
  if (field == nullptr || !desk.is_enabled() || (seen != nullptr && !is_sliced(*seen))) return std::nullopt;
  if (desk.is_range_ignored(tx.primary, tx.mono())) return std::nullopt;
  // Against a length beyond all, a suffix falls at its end.
  constexpr std::uint64_t kBeyond = UINT64_MAX;
  const auto set = http::RangeSet::parse(field->value, kBeyond);
  if (set.kind() != http::RangeSet::Kind::kPartial) return std::nullopt;
  http::ByteRange wanted = set.ranges().front();
  if (wanted.first > kBeyond / 2) wanted = {0, 0};
  const std::uint64_t size = desk.slice_size();
  const std::uint64_t first = wanted.first / size;
  const std::uint64_t last = std::min(wanted.last / size, first | (SliceLayout::kGroup - 1));
  return http::ByteRange{first * size, (last + 1) * size - 1};
}

// --- one viewer ---

SliceViewer::SliceViewer(Transaction& tx, SlicedObject object)
    : tx_(tx), object_(std::move(object)), tally_(std::make_shared<Handoff>()) {}

SliceViewer::~SliceViewer() {
  tx_.origin_requests += tally_->origin_requests;
  tx_.origin_bytes += tally_->origin_bytes;
  if (!tally_->upstream.empty()) tx_.upstream = tally_->upstream;
}

cache::Ref<cache::Object> SliceViewer::stored(std::uint64_t index) const {
  return tx_.store().lookup(object_.key_of(index).primary, [](std::string_view) { return Hash128{}; }).object;
}

bool SliceViewer::is_on_disk(std::uint64_t index) const {
  cache::Lookup missed;
  missed.key = object_.key_of(index);
  return tx_.store().may_recall(missed);
}

io::Task<void> SliceViewer::recall(std::uint64_t index) {
  if (!stored(index) && is_on_disk(index)) (void)co_await tx_.store().recall(object_.key_of(index));
}

bool SliceViewer::has_all(std::span<const http::ByteRange> ranges) const {
  std::uint64_t looks = SliceLayout::kGroup;
  for (const http::ByteRange& range : ranges) {
    const std::uint64_t last = object_.layout().slice_of(range.last);
    for (std::uint64_t i = object_.layout().slice_of(range.first); i <= last && looks > 0; ++i, --looks) {
      if (!stored(i) && !is_on_disk(i)) return false;
    }
  }
  return true;
}

SliceViewer::Place SliceViewer::find(std::uint64_t index) {
  Place place;
  place.index = index;
  place.is_known = true;
  // The root is as much in use as its slices are; else their mass would push it out.
  const cache::Object& root = *object_.root();
  (void)tx_.store().lookup(root.key().primary, [&](std::string_view) { return root.key().variant; });
  place.stored = stored(index);
  if (place.stored) return place;
  auto joined = tx_.store().join(object_.key_of(index), root.base(), root.host(), root.target(), tx_.mono());
  place.stored = std::move(joined.arrived);
  if (joined.follow) place.arriving = std::make_unique<cache::FillReader>(std::move(joined.follow));
  if (!joined.lead) return place;
  // The reader comes first: the run goes only as far as somebody reads.
  place.arriving = std::make_unique<cache::FillReader>(joined.lead.share());
  std::uint64_t end = index + 1;
  const std::uint64_t last = object_.layout().run_end(index, last_byte_);
  while (end <= last && !stored(end) && !is_on_disk(end)) ++end;
  start_slices({tx_.worker, tx_.config, *tx_.site, plain_request(tx_), object_, tally_}, index, end,
               std::move(joined.lead));
  return place;
}

/// Makes the slices from `index` on known as far as this viewer reads ahead. What is stored is looked up again when its
/// turn comes, and not held until then.
void SliceViewer::look_ahead(std::uint64_t index) {
  while (!ahead_.empty() && ahead_.front().index != index) ahead_.pop_front();
  const std::uint64_t last = object_.layout().slice_of(last_byte_);
  for (std::uint64_t i = index + ahead_.size(); i <= std::min<std::uint64_t>(last, index + kReadAhead); ++i) {
    const bool is_later = i != index && (stored(i) || is_on_disk(i));
    if (is_later) tx_.store().start_recall(object_.key_of(i));
    Place place = is_later ? Place{i, false, {}, nullptr} : find(i);
    if (place.stored && i != index) place = Place{i, false, {}, nullptr};
    ahead_.push_back(std::move(place));
  }
  if (!ahead_.front().is_known) ahead_.front() = find(index);
}

/// Waits until bytes of the slice may be sent. kLimit: nobody has room for it.
io::Task<Status> SliceViewer::settle(Place& place) {
  for (int look = 0; look < kMostLooks; ++look) {
    if (place.stored) co_return Status();
    if (!place.arriving) co_return fail(no_room());
    const auto state = co_await place.arriving->wait_for_head(tx_.worker.reactor().in(kSliceTimeout));
    switch (state) {
      case cache::FillState::kStreaming:
      case cache::FillState::kComplete:
        co_return Status();
      case cache::FillState::kFailed:
        co_return fail(place.arriving->fill().error());
      case cache::FillState::kUncacheable:
        co_return fail(no_room());
      case cache::FillState::kHeadPending:
        co_return fail(Code::kTimeout, "the upstream sent no answer in time", Fault::kOrigin);
      case cache::FillState::kAbandoned:
        break;
    }
    place = find(place.index);
  }
  co_return fail(no_room());
}

io::Task<Status> SliceViewer::open(http::ByteRange range) {
  last_byte_ = range.last;
  co_await recall(object_.layout().slice_of(range.first));
  look_ahead(object_.layout().slice_of(range.first));
  Status ready = co_await settle(ahead_.front());
  // Without room it is fetched for this client alone, if it comes to that.
  if (!ready && ready.error().code == Code::kLimit) co_return Status();
  co_return ready;
}

io::Task<bool> SliceViewer::send_arriving(Place& place, http::ByteRange part) {
  cache::FillReader& reader = *place.arriving;
  const std::uint64_t start = object_.layout().range_of(place.index).first;
  reader.seek(part.first - start);
  for (std::uint64_t left = part.length(); left > 0;) {
    const auto limit = std::min(left, cache::FillReader::kReadLimit);
    const auto next = co_await reader.read(tx_.worker.reactor().in(kSliceTimeout), limit);
    if (next != cache::FillReader::Next::kData) {
      // Broken off for want of memory, the rest can still be had; with another version there is no rest.
      const bool is_over = reader.state() == cache::FillState::kFailed;
      if (!is_over || reader.fill().error().fault == Fault::kOrigin) co_return false;
      const http::ByteRange rest{part.last + 1 - left, part.last};
      co_return co_await send_alone(tx_, object_.validator(), object_.layout().total, rest);
    }
    std::uint64_t size = 0;
    for (const iovec& p : reader.pieces()) size += p.iov_len;
    if (!co_await tx_.exchange.send(reader.pieces()) || tx_.stops()) co_return false;
    reader.advance(size);
    left -= size;
    if (share_.is_used_up(size)) co_await io::yield();
  }
  co_return true;
}

io::Task<bool> SliceViewer::send_part(Place& place, http::ByteRange part) {
  const Status ready = co_await settle(place);
  if (!ready && ready.error().code != Code::kLimit) co_return false;
  if (!ready) co_return co_await send_alone(tx_, object_.validator(), object_.layout().total, part);
  if (place.arriving) co_return co_await send_arriving(place, part);
  const std::uint64_t start = object_.layout().range_of(place.index).first;
  if (place.stored->body_size() != object_.layout().range_of(place.index).length()) co_return false;
  co_return co_await send_stored(tx_, place.stored, part.first - start, part.length());
}

io::Task<bool> SliceViewer::send(http::ByteRange range) {
  last_byte_ = range.last;
  while (range.first <= range.last) {
    const std::uint64_t index = object_.layout().slice_of(range.first);
    co_await recall(index);
    look_ahead(index);
    const http::ByteRange part{range.first, std::min(range.last, object_.layout().range_of(index).last)};
    if (!co_await send_part(ahead_.front(), part)) co_return false;
    range.first = part.last + 1;
  }
  co_return true;
}

// --- the answer ---

namespace {

/// The head, up to what the session adds: of all, of one range, or of several.
void begin(Transaction& tx, const cache::Object& root, std::span<const http::ByteRange> ranges, bool is_partial,
           const http::MultipartRanges& multipart) {
  HeadTail tail;
  add_age_and_status(tail, tx, root);
  const std::uint64_t total = representation_length(root);
  if (!is_partial) {
    const std::array<iovec, 2> pieces = {piece(root.head_before_age()), piece(tail.text())};
    return tx.exchange.begin_raw(root.status(), pieces, {total});
  }
  std::string head = "HTTP/1.1 206 Partial Content\r\n";
  std::uint64_t length = 0;
  if (ranges.size() > 1) {
    http::HeaderMap fields = stored_fields(root);
    fields.set(http::FieldId::kContentType, multipart.content_type);
    fields.write_to(head);
    length = multipart.content_length;
  } else {
    const std::string_view all = root.head_before_age();
    head += all.substr(all.find('\n') + 1);
    tail.field("Content-Range", http::content_range(ranges.front(), total));
    length = ranges.front().length();
  }
  const std::array<iovec, 2> pieces = {piece(head), piece(tail.text())};
  tx.exchange.begin_raw(206, pieces, {length});
}

io::Task<bool> send_ranges(Transaction& tx, SliceViewer& viewer, std::span<const http::ByteRange> ranges,
                           const http::MultipartRanges& multipart) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (!multipart.heads.empty() && !co_await tx.exchange.send(multipart.heads[i])) co_return false;
    if (!co_await viewer.send(ranges[i])) co_return false;
  }
  if (!multipart.tail.empty() && !co_await tx.exchange.send(multipart.tail)) co_return false;
  co_return true;
}

void note_missing(Transaction& tx) {
  if (!tx.status.hit) return;
  tx.status = {.forward = http::Forward::kPartial, .stored = true};
  tx.result = model::CacheResult::kMiss;
}

}  // namespace

io::Task<void> respond_sliced(Transaction& tx, cache::Ref<cache::Object> root, http::RangeSet asked) {
  const bool is_partial = asked.kind() == http::RangeSet::Kind::kPartial;
  const http::ByteRange all{0, representation_length(*root) - 1};
  const std::span<const http::ByteRange> ranges = is_partial ? asked.ranges() : std::span(&all, 1);
  http::MultipartRanges multipart;
  if (ranges.size() > 1) {
    const std::string boundary = "yz" + std::to_string(tx.worker.random().next());
    const http::HeaderMap fields = stored_fields(*root);
    multipart =
        http::make_multipart(ranges, all.last + 1, fields.value(http::FieldId::kContentType).value_or(""), boundary);
  }
  if (tx.request().method == http::Method::kHead) {
    begin(tx, *root, ranges, false, multipart);
    (void)co_await tx.exchange.finish();
    co_return;
  }
  SliceViewer viewer(tx, SlicedObject(root));
  if (!viewer.has_all(ranges)) {
    if (tx.asked.only_if_cached && tx.site->profile == http::Profile::kRfc) {
      co_return co_await refuse(tx, 504, "not all of it is in the cache (RFC 9111 §5.2.1.7)");
    }
    note_missing(tx);
  }
  const Status ready = co_await viewer.open(ranges.front());
  if (!ready) {
    const Error& error = ready.error();
    if (error.code == Code::kConflict && tx.restarts++ < kMostRestarts) {
      tx.status = {};
      co_return co_await serve(tx);
    }
    co_return co_await refuse_failure(tx, error);
  }
  begin(tx, *root, ranges, is_partial, multipart);
  if (!co_await send_ranges(tx, viewer, ranges, multipart)) co_return tx.exchange.abort();
  (void)co_await tx.exchange.finish();
}

}  // namespace yz::edge
