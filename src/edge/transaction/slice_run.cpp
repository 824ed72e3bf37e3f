#include "edge/transaction/slice_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "edge/edge_server.h"
#include "edge/stored_object.h"
#include "http/part.h"
#include "http/validation.h"

namespace yz::edge {
namespace {

/// Slices led ahead of need; more than any viewer reads ahead.
constexpr std::uint64_t kLead = 4;
/// How long a run waits for a reader before it lets go of its connection.
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kRoomTimeout{60};
constexpr int kMostAttempts = 4;
constexpr std::chrono::milliseconds kPause{50};  ///< before the second attempt; twice that before the third …
constexpr std::uint64_t kProgress = 64 * 1024;   ///< bytes after which attempts are counted anew
constexpr std::size_t kScratch = 64 * 1024;

Error changed() {
  return {Code::kConflict, Fault::kOrigin, true, "the object changed at its origin while it was being fetched"};
}

}  // namespace

void ask_for_part(Forwarded& request, const http::StrongValidator& version, const http::ByteRange& bytes,
                  std::uint64_t group) {
  request.request.headers.set(http::FieldId::kRange, fmt::format("bytes={}-{}", bytes.first, bytes.last));
  if (!version.text.empty()) request.request.headers.set(http::FieldId::kIfRange, version.text);
  request.base += group * 0x9e3779b97f4a7c15ULL;
}

SliceRun::SliceRun(SliceSource source, std::uint64_t first, std::uint64_t end, cache::FillWriter lead)
    : source_(std::move(source)), next_(first), end_(end), wanted_(first), bell_(std::make_shared<io::Waiters>()) {
  position_ = opened_at_ = layout().range_of(first).first;
  if (!lead) return;
  lead.ring_for_readers(bell_);
  leads_.push_back(std::move(lead));
}

cache::FillWriter SliceRun::lead_slice(std::uint64_t index) {
  if (trunk_) {
    if (cache::FillWriter handed = trunk_->reach(index)) return handed;
  }
  const cache::Object& root = *source_.object.root();
  auto joined = source_.worker.server().store().join(source_.object.key_of(index), root.base(), root.host(),
                                                     root.target(), source_.worker.reactor().now());
  if (joined.lead) joined.lead.ring_for_readers(bell_);
  return std::move(joined.lead);
}

void SliceRun::lead_ahead() {
  while (leads_.size() < kLead && next_ + leads_.size() < end_) {
    const std::uint64_t index = next_ + leads_.size();
    cache::FillWriter lead = lead_slice(index);
    if (!lead && !trunk_) {
      end_ = index;  // it is there, or somebody else brings it
      return;
    }
    leads_.push_back(std::move(lead));
  }
}

void SliceRun::begin_with(Answer answer, std::uint64_t at, bool is_whole) {
  at_ = at;
  answer_.emplace(std::move(answer));
  if (is_whole) become_trunk();
}

void SliceRun::become_trunk() {
  trunk_ = std::make_shared<SliceTrunk>(bell_);
  if (!leads_.empty()) (void)trunk_->reach(next_ + leads_.size() - 1);
  end_ = layout().count();
  source_.worker.server().slices().add_trunk(source_.object.version(), trunk_);
}

bool SliceRun::is_wanted() const {
  if (next_ <= wanted_ && leads_.front()) return true;
  const auto is_read = [](const cache::FillWriter& lead) { return lead && lead.fill().readers() > 0; };
  return std::any_of(leads_.begin(), leads_.end(), is_read) || (trunk_ && trunk_->is_awaited());
}

/// Whether the origin gives its bytes in no other way than this one.
bool SliceRun::is_last_resort() const {
  const Hash128 primary = source_.object.root()->key().primary;
  return trunk_ && source_.worker.server().slices().is_range_ignored(primary, source_.worker.reactor().now());
}

io::Task<bool> SliceRun::wait_until_wanted() {
  const MonoTime deadline = source_.worker.reactor().in(kPatience);
  for (;;) {
    const io::Waiters::Ticket ticket = bell_->ticket();
    if (is_wanted()) co_return true;
    // Nothing of ours to wait with: all of it is there. Those who come for more ask for it themselves, if they can.
    const bool has_lead = std::any_of(leads_.begin(), leads_.end(), [](const auto& lead) { return bool(lead); });
    if (!has_lead && !is_last_resort()) co_return false;
    if (!co_await bell_->wait(ticket, deadline)) co_return is_wanted();
  }
}

io::Task<void> SliceRun::run() {
  for (;;) {
    lead_ahead();
    if (leads_.empty()) break;
    if (!co_await wait_until_wanted()) break;
    if (!answer_ && !co_await open()) break;
    if (!co_await stream_slice()) break;
    leads_.pop_front();
    ++next_;
  }
  if (trunk_) trunk_->close(error_ ? &*error_ : nullptr);
}

// --- the upstream ---

io::Task<bool> SliceRun::open() {
  while (attempts_ < kMostAttempts && !is_final_) {
    if (attempts_ > 0) co_await io::sleep_for(kPause * attempts_);
    ++attempts_;
    if (co_await ask()) {
      const bool is_resumed = position_ > layout().range_of(wanted_).first;
      if (is_resumed) source_.worker.server().counters().resumed.add();
      opened_at_ = position_;
      is_final_ = false;
      error_.reset();
      co_return true;
    }
  }
  fail_all();
  co_return false;
}

/// One request for what is due. False: `error_` says why, and `is_final_` whether that is the end; no error: a trunk
/// took over.
io::Task<bool> SliceRun::ask() {
  Worker& worker = source_.worker;
  SliceDesk& desk = worker.server().slices();
  const SlicedObject& object = source_.object;
  const Hash128 primary = object.root()->key().primary;
  const http::ByteRange due{position_, layout().range_of(end_ - 1).last};
  Forwarded forwarded = source_.forwarded;
  const bool asks_part = !desk.is_range_ignored(primary, worker.reactor().now());
  if (asks_part) ask_for_part(forwarded, object.validator(), due, SliceLayout::group_of(next_));
  auto answer = co_await send_upstream(worker, source_.held, source_.site, forwarded);
  // What has begun is worth more patience than what has not.
  is_final_ = position_ == layout().range_of(wanted_).first;
  if (!answer) {
    ++source_.tally->origin_requests;
    error_ = std::move(answer).error();
    co_return false;
  }
  source_.tally->origin_requests += answer->requests;
  source_.tally->upstream = answer->upstream;
  const http::Part part = http::judge_part(answer->response.head(), object.validator(), layout().total, due);
  switch (part.verdict) {
    case http::PartVerdict::kPart:
      at_ = part.range.first;
      answer_.emplace(std::move(*answer));
      co_return true;
    case http::PartVerdict::kWhole:
      desk.note_range_ignored(primary, worker.reactor().now());
      co_return take_whole(std::move(*answer));
    case http::PartVerdict::kUnusable:
      desk.note_range_ignored(primary, worker.reactor().now());
      is_final_ = !asks_part;
      error_ = Error{Code::kInvalid, Fault::kOrigin, true, "the origin answers a range with other bytes"};
      co_return false;
    case http::PartVerdict::kChanged:
      worker.server().counters().changed.add();
      forget_root();
      is_final_ = true;
      error_ = changed();
      co_return false;
    case http::PartVerdict::kFailed:
      error_ =
          Error{Code::kUnavailable, Fault::kOrigin, true, fmt::format("the origin said {}", answer->response.status())};
      co_return false;
  }
  co_return false;
}

/// A whole body though a part was asked for. If a trunk brings it in already, that serves our readers as well.
bool SliceRun::take_whole(Answer answer) {
  const auto running = trunk_ ? nullptr : source_.worker.server().slices().trunk_of(source_.object.version());
  const bool is_at_start = position_ == layout().range_of(next_).first;
  if (running && is_at_start && running->take_over(next_, leads_.front())) {
    for (std::size_t i = 1; i < leads_.size(); ++i) {
      if (leads_[i]) (void)running->take_over(next_ + i, leads_[i]);
    }
    error_.reset();
    is_final_ = true;
    return false;
  }
  at_ = 0;
  answer_.emplace(std::move(answer));
  if (!trunk_) become_trunk();
  return true;
}

/// Another version: whoever asks next must not find the old root, however often it was refreshed.
void SliceRun::forget_root() {
  cache::Cache& store = source_.worker.server().store();
  const cache::CacheKey& key = source_.object.root()->key();
  const auto found = store.lookup(key.primary, [&](std::string_view) { return key.variant; });
  if (!found.object || !is_sliced(*found.object)) return;
  if (SlicedObject(found.object).version() == source_.object.version()) store.remove(*found.object);
}

void SliceRun::fail_all() {
  if (!error_) return;
  for (cache::FillWriter& lead : leads_) {
    if (lead) lead.fail(*error_);
  }
}

// --- the body ---

/// The slice's head, once an answer proved its version.
void SliceRun::publish() {
  cache::FillWriter& lead = leads_.front();
  if (!lead || lead.fill().state() != cache::FillState::kHeadPending) return;
  cache::Seq born = lead.fill().born();
  if (answer_->born) born = std::min(born, *answer_->born);
  // Without memory for it the lead is over, its readers go to the upstream themselves, and the bytes are skipped.
  (void)lead.publish_head(source_.object.meta_of(next_, born, source_.worker.wall_now()));
}

/// Where the next bytes go, at most `limit`; `skips`: they are not due yet.
io::Task<std::span<char>> SliceRun::room(bool skips, std::uint64_t limit) {
  cache::FillWriter& lead = leads_.front();
  std::span<char> into;
  if (!skips && lead) {
    auto given = co_await lead.prepare(source_.worker.reactor().in(kRoomTimeout));
    if (given) {
      into = *given;
    } else {
      lead.fail(std::move(given).error());
    }
  }
  if (into.empty()) {
    if (!scratch_) scratch_ = std::make_unique_for_overwrite<char[]>(kScratch);
    into = std::span(scratch_.get(), kScratch);
  }
  co_return into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), limit)));
}

/// The upstream broke off: the next attempt asks for the rest.
void SliceRun::note_break(Error error) {
  if (position_ >= opened_at_ + kProgress) attempts_ = 0;
  error_ = std::move(error).blamed_on(Fault::kOrigin);
  answer_.reset();
}

io::Task<bool> SliceRun::stream_slice() {
  publish();
  const std::uint64_t end = layout().range_of(next_).last + 1;
  while (position_ < end) {
    if (!answer_ && !co_await open()) co_return false;
    const bool skips = at_ < position_;
    const std::span<char> into = co_await room(skips, skips ? position_ - at_ : end - position_);
    auto size = co_await answer_->response.read(into);
    if (!size || *size == 0) {
      note_break(size ? Error{Code::kUnavailable, Fault::kOrigin, true, "the origin ended the body early"}
                      : std::move(size).error());
      continue;
    }
    at_ += *size;
    source_.tally->origin_bytes += *size;
    if (!skips) {
      if (leads_.front()) leads_.front().commit(*size);
      position_ += *size;
    }
    if (share_.is_used_up(*size)) co_await io::yield();
  }
  if (leads_.front()) leads_.front().finish();
  co_return true;
}

io::Task<void> run_slices(SliceRun run) { co_await run.run(); }

void start_slices(SliceSource source, std::uint64_t first, std::uint64_t end, cache::FillWriter lead) {
  Worker& worker = source.worker;
  SliceDesk& desk = worker.server().slices();
  if (desk.is_range_ignored(source.object.root()->key().primary, worker.reactor().now())) {
    const auto trunk = desk.trunk_of(source.object.version());
    if (trunk && trunk->take_over(first, lead)) return;
  }
  worker.reactor().spawn_into(worker.background(),
                              run_slices(SliceRun(std::move(source), first, end, std::move(lead))));
}

}  // namespace yz::edge
