#include "cache/fill.h"

#include <algorithm>
#include <cstring>

#include "cache/cache.h"
#include "cache/fill_table.h"
#include "cache/invalidation_marks.h"
#include "cache/memory_tier.h"
#include "cache/pass_table.h"

namespace yz::cache {

namespace {

constexpr std::uint32_t kFirstChunk = 16 * 1024;
constexpr std::uint32_t kWindowChunk = 64 * 1024;
/// Memory that nobody has now may be free in a moment: what waits to be written to disk is let go of, readers get on.
constexpr std::chrono::milliseconds kLookEvery{20};
constexpr int kMostLooks = 50;

bool is_over(FillState state) { return state != FillState::kHeadPending && state != FillState::kStreaming; }

}  // namespace

Fill::Fill(Cache& cache, CacheKey key, BaseId base, const Moment& asked, std::string_view host, std::string_view target,
           MonoTime now)
    : cache_(cache),
      key_(key),
      base_(base),
      born_(asked.purges),
      started_(now),
      invalidations_(asked.invalidations),
      host_(host),
      target_(target) {}

Ref<Fill> Fill::make(Cache& cache, CacheKey key, BaseId base, const Moment& asked, std::string_view host,
                     std::string_view target, MonoTime now) {
  static_assert(alignof(Fill) <= 8);
  void* const memory = cache.tier_->take(sizeof(Fill));
  if (memory == nullptr) return {};
  return Ref<Fill>::adopt(new (memory) Fill(cache, key, base, asked, host, target, now));
}

Fill::~Fill() = default;

void Fill::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Arena& arena = cache_.tier_->arena();
  this->~Fill();
  arena.give_back(this);
}

CacheKey Fill::key() const {
  const std::lock_guard lock(mutex_);
  return key_;
}

std::uint32_t Fill::readers() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(readers_.size());
}

Error Fill::error() const {
  const std::lock_guard lock(mutex_);
  return error_.value_or(Error{Code::kUnavailable, Fault::kOrigin, true, "the response broke off"});
}

std::uint64_t Fill::fastest() const {
  std::uint64_t position = 0;
  for (const FillReader* reader : readers_) position = std::max(position, reader->position_);
  return position;
}

void Fill::drop_what_no_one_needs() {
  std::uint64_t slowest = written_;
  for (const FillReader* reader : readers_) slowest = std::min(slowest, reader->position_);
  const std::uint64_t window = cache_.options_.window.value;
  const std::uint64_t keep_from = std::max(slowest, written_ > 2 * window ? written_ - 2 * window : 0);
  // The last piece stays: the producer may be writing into it.
  std::size_t gone = 0;
  while (gone + 1 < pieces_.size() && dropped_ + pieces_[gone].size <= keep_from) dropped_ += pieces_[gone++].size;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(gone));
}

void Fill::keep_no_more() {
  is_kept_ = false;
  shown_ = written_;
}

MonoTime Fill::leader_deadline() const {
  const std::lock_guard lock(mutex_);
  return bell_ ? MonoTime::max() : started_ + cache_.options_.leader_timeout;
}

bool Fill::is_join_possible(MonoTime now) {
  const std::lock_guard lock(mutex_);
  if (is_doomed_ || is_invalidated()) return false;
  switch (state()) {
    case FillState::kHeadPending:
      if (!bell_ && now - started_ > cache_.options_.leader_timeout) return false;
      break;
    case FillState::kStreaming:
    case FillState::kComplete:
      if (dropped_ != 0) return false;
      break;
    case FillState::kUncacheable:
    case FillState::kAbandoned:
    case FillState::kFailed:
      return false;
  }
  const std::span<const std::uint32_t> tags = head_ ? head_->tags() : std::span<const std::uint32_t>{};
  return cache_.purges_->verdict(born_, base_, host_, target_, tags) == PurgeVerdict::kLive;
}

bool Fill::is_invalidated() const { return cache_.invalidations_->is_raised(key_.primary, invalidations_); }

/// Stores what was brought in, unless it was overtaken meanwhile.
bool Fill::keep(const Ref<Object>& object) {
  if (!object || is_invalidated() || !cache_.keep(object)) return false;
  cache_.passes_->remove(object->slot());  // it is shared again
  if (!is_invalidated()) return true;
  cache_.remove(*object);  // the invalidation may have cleared the slot just before
  return false;
}

// --- the producer ---

FillWriter& FillWriter::operator=(FillWriter&& other) noexcept {
  if (this != &other) {
    FillWriter gone(std::move(*this));
    fill_ = std::move(other.fill_);
    also_as_ = other.also_as_;
  }
  return *this;
}

FillWriter::~FillWriter() {
  if (!fill_) return;
  if (fill_->state() == FillState::kHeadPending) {
    end(FillState::kAbandoned);
  } else {
    end(FillState::kFailed, Error{Code::kCancelled, Fault::kSelf, true, "the transfer was given up"});
  }
}

Status FillWriter::publish_head(const ObjectMeta& meta) {
  MemoryTier& tier = *fill_->cache_.tier_;
  Ref<Object> head = tier.make_object(meta);
  if (!head) {
    end(FillState::kUncacheable);
    return yz::fail(Code::kLimit, "no memory is left to share this response");
  }
  Hash128 before;
  {
    const std::lock_guard lock(fill_->mutex_);
    before = fill_->key_.slot();
    fill_->key_ = meta.key;
    fill_->head_ = std::move(head);
    fill_->expected_ = meta.content_length;
    fill_->is_kept_ = meta.content_length.value_or(0) <= fill_->cache_.options_.max_object.value;
    fill_->state_.store(FillState::kStreaming, std::memory_order_release);
  }
  fill_->news_.notify_all();
  if (!meta.vary.empty()) fill_->cache_.forget_rule_unless(meta.key.primary, meta.vary);
  if (!meta.vary.empty() && !tier.add_rule(meta.key.primary, meta.vary, meta.response_time)) {
    // Without the rule nobody finds this variant; the fill still serves those it has.
    const std::lock_guard lock(fill_->mutex_);
    fill_->is_doomed_ = true;
  }
  if (meta.key.slot() != before) {
    fill_->cache_.fills_->add(meta.key.slot(), fill_);
    fill_->cache_.fills_->remove(before, *fill_);
  }
  return {};
}

void FillWriter::ring_for_readers(std::shared_ptr<io::Waiters> bell) {
  const std::lock_guard lock(fill_->mutex_);
  fill_->bell_ = std::move(bell);
}

void FillWriter::declare_uncacheable(MonoTime pass_until) {
  fill_->cache_.passes_->add(fill_->key().slot(), pass_until);
  end(FillState::kUncacheable);
}

Result<std::uint32_t> FillWriter::next_capacity(bool was_refused) {
  Fill& fill = *fill_;
  const std::uint64_t max_object = fill.cache_.options_.max_object.value;
  const std::uint64_t window = fill.cache_.options_.window.value;
  if (was_refused && fill.is_kept_) {
    fill.keep_no_more();
  } else if (was_refused) {
    const bool is_all_read = fill.readers_.empty() || fill.fastest() >= fill.written_;
    if (is_all_read) return yz::fail(Code::kLimit, "no memory is left for this body");
    return yz::fail(Code::kUnavailable, "memory is short until a reader gets on");
  }
  if (fill.written_ >= max_object && fill.expected_.value_or(UINT64_MAX) > fill.written_) {
    fill.keep_no_more();
  }
  if (fill.is_kept_) {
    if (fill.expected_) {
      const std::uint64_t rest = *fill.expected_ - std::min(fill.written_, *fill.expected_);
      return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(rest, 512, Chunk::kMaxCapacity));
    }
    // Unknown length: pieces grow with what came already.
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(fill.written_, kFirstChunk, Chunk::kMaxCapacity));
  }
  if (fill.readers_.empty()) return yz::fail(Code::kCancelled, "nobody reads this body any more");
  fill.drop_what_no_one_needs();
  if (fill.written_ >= fill.fastest() + window) {
    return yz::fail(Code::kUnavailable, "the readers are a whole window behind");
  }
  return kWindowChunk;
}

Result<std::span<char>> FillWriter::try_prepare() {
  Fill& fill = *fill_;
  for (bool was_refused = false;; was_refused = true) {
    std::uint32_t capacity = 0;
    bool has_news = false;
    {
      const std::lock_guard lock(fill.mutex_);
      if (!fill.pieces_.empty()) {
        const Body::Piece& last = fill.pieces_.back();
        const std::uint32_t rest = last.chunk->capacity() - last.size;
        if (rest > 0) return std::span<char>(last.chunk->data() + last.size, rest);
      }
      const std::uint64_t shown = fill.shown_;
      YZ_TRY(capacity, next_capacity(was_refused));
      has_news = fill.shown_ != shown;
    }
    if (has_news) fill.news_.notify_all();
    if (Ref<Chunk> chunk = fill.cache_.tier_->make_chunk(capacity)) {
      const std::span<char> room(chunk->data(), chunk->capacity());
      const std::lock_guard lock(fill.mutex_);
      fill.pieces_.push_back({std::move(chunk), 0});
      return room;
    }
  }
}

io::Task<Result<std::span<char>>> FillWriter::prepare(MonoTime deadline) {
  const Ref<Fill> fill = fill_;
  int looks = 0;
  for (;;) {
    const io::Waiters::Ticket ticket = fill->room_.ticket();
    Result<std::span<char>> room = try_prepare();
    if (!room && room.error().code == Code::kLimit && ++looks < kMostLooks) {
      co_await io::sleep_for(kLookEvery);
      continue;
    }
    if (room || room.error().code != Code::kUnavailable) co_return room;
    if (!co_await fill->room_.wait(ticket, deadline)) {
      co_return yz::fail(Code::kTimeout, "the readers did not get on");
    }
  }
}

void FillWriter::commit(std::size_t size) {
  {
    const std::lock_guard lock(fill_->mutex_);
    Body::Piece& last = fill_->pieces_.back();
    YZ_ASSERT(size <= last.chunk->capacity() - last.size);
    last.size += static_cast<std::uint32_t>(size);
    fill_->written_ += size;
    if (fill_->is_kept_ && fill_->written_ == fill_->expected_) return;
    fill_->shown_ = fill_->written_;
  }
  fill_->news_.notify_all();
}

/// The object that the head and all pieces make; none without room.
Ref<Object> FillWriter::seal() {
  Fill& fill = *fill_;
  MemoryTier& tier = *fill.cache_.tier_;
  // Pieces of a kept body are changed by the producer alone, so looking at them needs no lock.
  if (fill.written_ <= Object::kMaxInline) {
    std::vector<std::string_view> runs;
    for (const Body::Piece& piece : fill.pieces_) runs.emplace_back(piece.chunk->data(), piece.size);
    return tier.make_object(fill.head_->meta(), runs);
  }
  if (!fill.pieces_.empty()) {
    const Body::Piece last = fill.pieces_.back();
    const std::uint32_t waste = last.chunk->capacity() - last.size;
    Ref<Chunk> exact;
    if (last.size > 0 && waste > 256 && waste > last.size / 8) exact = tier.make_chunk(last.size);
    if (exact) std::memcpy(exact->data(), last.chunk->data(), last.size);
    const std::lock_guard lock(fill.mutex_);
    if (exact) fill.pieces_.back().chunk = std::move(exact);
    if (last.size == 0) fill.pieces_.pop_back();
  }
  const Ref<Body> body = tier.make_body(fill.pieces_);
  return body ? tier.make_object(fill.head_->meta(), body) : Ref<Object>{};
}

Ref<Object> FillWriter::finish() {
  Fill& fill = *fill_;
  Cache& cache = fill.cache_;
  YZ_ASSERT(fill.state() == FillState::kStreaming);
  if (fill.expected_ && fill.written_ != *fill.expected_) {
    end(FillState::kFailed, Error{Code::kCorrupt, Fault::kOrigin, true, "the body is not as long as its head told"});
    return {};
  }
  Ref<Object> object;
  if (fill.is_kept_ && fill.written_ <= cache.options_.max_object.value) object = seal();
  bool is_stored = false;
  {
    const std::lock_guard lock(fill.mutex_);
    if (object) {
      fill.head_ = object;
      fill.pieces_.clear();  // readers go on from the object
    }
    fill.is_whole_ = static_cast<bool>(object);
    is_stored = !fill.is_doomed_;
  }
  is_stored = is_stored && fill.keep(object);
  if (is_stored && also_as_) {
    ObjectMeta meta = object->meta();
    meta.key.variant = *also_as_;
    (void)fill.keep(cache.make_refreshed(*object, meta));
  }
  if (!is_stored) cache.refused_.fetch_add(1, std::memory_order_relaxed);
  end(FillState::kComplete);
  return is_stored ? object : Ref<Object>{};
}

Ref<Object> FillWriter::finish_with(Ref<Object> object) {
  YZ_ASSERT(object && !is_over(fill_->state()));
  Cache& cache = fill_->cache_;
  const Hash128 before = fill_->key().slot();
  bool is_stored = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->key_ = object->key();
    fill_->head_ = object;
    fill_->is_whole_ = true;
    fill_->pieces_.clear();
    fill_->written_ = object->body_size();
    is_stored = !fill_->is_doomed_;
  }
  is_stored = is_stored && fill_->keep(object);
  if (!is_stored) cache.refused_.fetch_add(1, std::memory_order_relaxed);
  if (before != object->key().slot()) cache.fills_->remove(before, *fill_);
  end(FillState::kComplete);
  return is_stored ? object : Ref<Object>{};
}

void FillWriter::fail(Error error) { end(FillState::kFailed, std::move(error)); }

void FillWriter::end(FillState state, std::optional<Error> error) {
  const Ref<Fill> fill = std::exchange(fill_, {});
  Hash128 slot;
  {
    const std::lock_guard lock(fill->mutex_);
    slot = fill->key_.slot();
    fill->error_ = std::move(error);
    fill->shown_ = fill->written_;
    fill->state_.store(state, std::memory_order_release);
  }
  fill->news_.notify_all();
  fill->cache_.fills_->remove(slot, *fill);
}

// --- the readers ---

FillReader::FillReader(Ref<Fill> fill) : fill_(std::move(fill)) {
  std::shared_ptr<io::Waiters> bell;
  {
    const std::lock_guard lock(fill_->mutex_);
    place_ = fill_->readers_.size();
    fill_->readers_.push_back(this);
    bell = fill_->bell_;
  }
  if (bell) bell->notify_all();
}

FillReader::~FillReader() {
  bool is_window = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    fill_->readers_[place_] = fill_->readers_.back();
    fill_->readers_[place_]->place_ = place_;
    fill_->readers_.pop_back();
    is_window = !fill_->is_kept_;
  }
  if (is_window) fill_->room_.notify_all();
}

Ref<Object> FillReader::head() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->head_;
}

Ref<Object> FillReader::whole() const {
  const std::lock_guard lock(fill_->mutex_);
  return fill_->is_whole_ ? fill_->head_ : Ref<Object>{};
}

io::Task<FillState> FillReader::wait_for_head(MonoTime deadline) {
  for (;;) {
    const io::Waiters::Ticket ticket = fill_->news_.ticket();
    const FillState now = state();
    if (now != FillState::kHeadPending) co_return now;
    if (!co_await fill_->news_.wait(ticket, deadline)) co_return state();
  }
}

io::Task<FillState> FillReader::wait_for_head_or_nudge(MonoTime deadline) {
  const io::Waiters::Ticket ticket = fill_->news_.ticket();
  if (state() == FillState::kHeadPending) (void)co_await fill_->news_.wait(ticket, deadline);
  co_return state();
}

io::Task<FillReader::Next> FillReader::read(MonoTime deadline, std::uint64_t limit) {
  for (;;) {
    const io::Waiters::Ticket ticket = fill_->news_.ticket();
    const Next next = try_read(limit);
    if (next != Next::kWait) co_return next;
    if (!co_await fill_->news_.wait(ticket, deadline)) co_return try_read(limit);
  }
}

FillReader::Next FillReader::try_read(std::uint64_t limit) {
  for (std::size_t i = 0; i < piece_count_; ++i) pinned_[i] = {};
  piece_count_ = 0;
  const Fill& fill = *fill_;
  const std::lock_guard lock(fill.mutex_);
  if (position_ < fill.dropped_) return Next::kLagging;
  if (position_ >= fill.shown_) {
    switch (fill.state()) {
      case FillState::kHeadPending:
      case FillState::kStreaming:
        return Next::kWait;
      case FillState::kComplete:
        return Next::kEnd;
      default:
        return Next::kBroken;
    }
  }
  limit = std::min(limit, fill.shown_ - position_);
  if (fill.pieces_.empty()) {
    // The body is whole and with its object, which the fill keeps.
    piece_count_ = fill.head_->body().gather(position_, limit, pieces_);
    return Next::kData;
  }
  std::uint64_t skip = position_ - fill.dropped_;
  for (const Body::Piece& piece : fill.pieces_) {
    if (skip >= piece.size) {
      skip -= piece.size;
      continue;
    }
    if (limit == 0 || piece_count_ == kMaxPieces) break;
    const std::uint64_t take = std::min<std::uint64_t>(piece.size - skip, limit);
    pinned_[piece_count_] = piece.chunk;
    pieces_[piece_count_++] = {const_cast<char*>(piece.chunk->data() + skip), static_cast<std::size_t>(take)};
    limit -= take;
    skip = 0;
  }
  return Next::kData;
}

void FillReader::advance(std::uint64_t size) {
  bool is_window = false;
  {
    const std::lock_guard lock(fill_->mutex_);
    position_ += size;
    is_window = !fill_->is_kept_;
    if (is_window) fill_->drop_what_no_one_needs();
  }
  if (is_window) fill_->room_.notify_all();
}

void FillReader::seek(std::uint64_t offset) {
  const std::lock_guard lock(fill_->mutex_);
  position_ = offset;
}

}  // namespace yz::cache
