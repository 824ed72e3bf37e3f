#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "base/clock.h"
#include "base/result.h"
#include "cache/body.h"
#include "cache/key.h"
#include "cache/object.h"
#include "cache/ref.h"
#include "io/task.h"
#include "io/waiters.h"

namespace yz::cache {

class Cache;
class FillReader;

/// How far a fill has come.
enum class FillState : std::uint8_t {
  kHeadPending,  ///< nothing is known yet
  kStreaming,    ///< the head is known and shared; the body is arriving
  kComplete,     ///< all bytes are there
  kUncacheable,  ///< the answer is for the leader alone; everyone else goes to the origin by themselves, at once
  kAbandoned,    ///< the leader gave up before the head: call `Cache::join` again, one of you becomes leader
  kFailed,       ///< the origin failed: before the head `error()` is everyone's answer, after it the body breaks off
};

/// What of a URL had been purged and invalidated when an origin was asked for it: what comes later hits the answer.
struct Moment {
  Seq purges;
  std::uint64_t invalidations = 0;
};

/// A response on its way in: one producer (FillWriter), any number of readers (FillReader), each on any worker.
/// Bodies that may be kept are kept whole, and the producer never waits for a reader. Larger ones pass through a
/// window: the producer stays at most `window` ahead of the fastest reader, and a reader that falls more than twice
/// that behind what was produced is told so (kLagging). Memory is charged to the cache's budget either way.
class Fill {
 public:
  [[nodiscard]] CacheKey key() const;
  [[nodiscard]] BaseId base() const { return base_; }
  [[nodiscard]] Seq born() const { return born_; }
  [[nodiscard]] FillState state() const { return state_.load(std::memory_order_acquire); }
  /// Readers that exist now.
  [[nodiscard]] std::uint32_t readers() const;
  /// When it is no longer joined unless its head is there; MonoTime::max() when its producer waits for readers.
  [[nodiscard]] MonoTime leader_deadline() const;
  /// Why it failed. Only in kFailed.
  [[nodiscard]] Error error() const;

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  friend class Cache;
  friend class FillTable;
  friend class FillWriter;
  friend class FillReader;

  /// None when the budget has no room.
  [[nodiscard]] static Ref<Fill> make(Cache& cache, CacheKey key, BaseId base, const Moment& asked,
                                      std::string_view host, std::string_view target, MonoTime now);
  Fill(Cache& cache, CacheKey key, BaseId base, const Moment& asked, std::string_view host, std::string_view target,
       MonoTime now);
  ~Fill();
  [[nodiscard]] std::uint64_t fastest() const;
  void drop_what_no_one_needs();
  void keep_no_more();
  [[nodiscard]] bool is_join_possible(MonoTime now);
  [[nodiscard]] bool is_invalidated() const;
  [[nodiscard]] bool keep(const Ref<Object>& object);

  Cache& cache_;
  CacheKey key_;  ///< gets its variant with the head; under mutex_ then
  const BaseId base_;
  const Seq born_;
  const MonoTime started_;
  const std::uint64_t invalidations_;  ///< the URL's mark when it began
  const std::string host_;
  const std::string target_;
  std::atomic<std::uint32_t> references_{1};
  std::atomic<FillState> state_{FillState::kHeadPending};
  io::Waiters news_;  ///< readers wait here for state and bytes
  io::Waiters room_;  ///< the producer waits here for readers

  mutable std::mutex mutex_;
  Ref<Object> head_;                 ///< head alone while streaming; see is_whole_
  bool is_whole_ = false;            ///< head_ has the whole body: complete, and there was room for it
  std::vector<Body::Piece> pieces_;  ///< what is held of the body, oldest first
  std::uint64_t dropped_ = 0;        ///< bytes before the first piece (window mode)
  std::uint64_t written_ = 0;
  std::uint64_t shown_ = 0;  ///< of these, to readers: the last of a kept body only once lookups find the object
  std::optional<std::uint64_t> expected_;  ///< the body's length, when the head told it
  bool is_kept_ = true;                    ///< kept whole; false: passes through a window
  bool is_doomed_ = false;                 ///< nobody would find it: not to be stored
  std::vector<FillReader*> readers_;
  std::shared_ptr<io::Waiters> bell_;  ///< of a producer that waits for readers; shared with its other fills
  std::optional<Error> error_;
};

/// The producing end; held by the one task that talks to the origin. Not for two threads at once. Dropping it before
/// `finish` abandons the fill (before the head) or fails it (after).
class FillWriter {
 public:
  FillWriter() = default;
  FillWriter(FillWriter&&) noexcept = default;
  FillWriter& operator=(FillWriter&& other) noexcept;
  ~FillWriter();

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(fill_); }
  [[nodiscard]] const Fill& fill() const { return *fill_; }
  /// For readers made beside the writer: the leader's own.
  [[nodiscard]] Ref<Fill> share() const { return fill_; }

  /// Resumes readers in wait_for_head_or_nudge, to look at what they were left elsewhere.
  void nudge() { fill_->news_.notify_all(); }
  /// The response is to be stored under a second variant of the same URL, too. Before the head is published.
  void store_also_as(Hash128 variant) { also_as_ = variant; }
  /// The head is here and the response may be shared. `meta.born` is `fill().born()`, or a peer's that is less. When it
  /// varies, `meta.vary` is set and `meta.key.variant` is that of the leader's request: from now on the fill is joined
  /// under the variant, and each reader that waited under the primary key must compare its own variant (by
  /// `head()->vary()`) and, when it is another, look up and join anew. Fails with kLimit when the budget cannot even
  /// hold the head: answer the leader directly then, others are released.
  [[nodiscard]] Status publish_head(const ObjectMeta& meta);
  /// The producer waits for readers rather than for the origin: `bell` is notified of each that comes, and no
  /// `leader_timeout` runs.
  void ring_for_readers(std::shared_ptr<io::Waiters> bell);
  /// The response must not be shared. Readers are released at once; until `pass_until` requests for this key do not
  /// queue behind each other (hit-for-miss).
  void declare_uncacheable(MonoTime pass_until);

  /// Memory to receive body bytes into, never empty; waits until `deadline` while the window is full. Fails with kLimit
  /// when the budget stays exhausted for a second by what cannot be evicted, with kCancelled when a body that will not
  /// be kept has no reader left (make the leader's own reader first), with kTimeout at the deadline.
  [[nodiscard]] io::Task<Result<std::span<char>>> prepare(MonoTime deadline);
  /// The same without waiting: fails with kUnavailable when the window is full.
  [[nodiscard]] Result<std::span<char>> try_prepare();
  /// The first `size` bytes of what `prepare` gave now hold body. Readers get what completes a body that is kept after
  /// `finish` has stored it: who has an answer whole finds it in the cache when it asks again.
  void commit(std::size_t size);

  /// The body is whole. Stores the object, unless it was purged meanwhile or is too large. Returns what was stored.
  Ref<Object> finish();
  /// The body is already whole elsewhere (a 304 gave an old body a new head): shares `object` and stores it.
  Ref<Object> finish_with(Ref<Object> object);
  /// The origin failed; readers share the error.
  void fail(Error error);

 private:
  friend class Cache;
  explicit FillWriter(Ref<Fill> fill) : fill_(std::move(fill)) {}
  void end(FillState state, std::optional<Error> error = std::nullopt);
  [[nodiscard]] Result<std::uint32_t> next_capacity(bool was_refused);
  [[nodiscard]] Ref<Object> seal();
  Ref<Fill> fill_;
  std::optional<Hash128> also_as_;
};

/// One reader's place in a fill. Not for two threads at once; holds its fill alive.
class FillReader {
 public:
  static constexpr std::uint64_t kReadLimit = 256 * 1024;
  explicit FillReader(Ref<Fill> fill);
  ~FillReader();
  FillReader(const FillReader&) = delete;
  FillReader& operator=(const FillReader&) = delete;

  [[nodiscard]] const Fill& fill() const { return *fill_; }
  [[nodiscard]] FillState state() const { return fill_->state(); }
  /// The head (status, fields, metadata; do not look for a body in it). None before kStreaming.
  [[nodiscard]] Ref<Object> head() const;
  /// The response with its whole body; none until the fill is complete, and none ever where no room was left to keep
  /// it: then the body is still to be read from here.
  [[nodiscard]] Ref<Object> whole() const;

  enum class Next : std::uint8_t {
    kData,     ///< `pieces()` holds some
    kWait,     ///< nothing yet
    kEnd,      ///< the body is over
    kLagging,  ///< too slow for the window: the bytes at `position()` are gone
    kBroken,   ///< the fill failed
  };
  /// Waits until the head is known or never will be; kHeadPending at the deadline.
  [[nodiscard]] io::Task<FillState> wait_for_head(MonoTime deadline);
  /// The same, but ends at each nudge.
  [[nodiscard]] io::Task<FillState> wait_for_head_or_nudge(MonoTime deadline);
  /// Gives the next bytes, at most `limit`, waiting for them until `deadline` (kWait then). They stay valid until the
  /// next call on this reader.
  [[nodiscard]] io::Task<Next> read(MonoTime deadline, std::uint64_t limit = kReadLimit);
  /// The same without waiting.
  [[nodiscard]] Next try_read(std::uint64_t limit = kReadLimit);
  [[nodiscard]] std::span<const iovec> pieces() const { return {pieces_.data(), piece_count_}; }
  /// `size` of the given bytes were sent.
  void advance(std::uint64_t size);
  /// Starts at another offset (ranges); before the first read.
  void seek(std::uint64_t offset);
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  friend class Fill;
  friend class FillWriter;
  static constexpr std::size_t kMaxPieces = 8;

  Ref<Fill> fill_;
  std::size_t place_ = 0;       ///< among the fill's readers, under its lock
  std::uint64_t position_ = 0;  ///< written under the fill's lock
  std::array<iovec, kMaxPieces> pieces_;
  std::array<Ref<Chunk>, kMaxPieces> pinned_;
  std::size_t piece_count_ = 0;
};

}  // namespace yz::cache
