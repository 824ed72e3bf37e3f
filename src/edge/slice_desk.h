#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/fill.h"
#include "cache/pass_table.h"
#include "io/waiters.h"

namespace yz::edge {

/// A large body that arrives whole, from its first byte on, because its origin gives no parts. Viewers of later slices
/// hand it the producing ends they lead instead of asking the origin for everything once more. Any thread, but for the
/// producer's functions.
class SliceTrunk {
 public:
  explicit SliceTrunk(std::shared_ptr<io::Waiters> bell) : bell_(std::move(bell)) {}

  /// Takes the writer of slice `index` over, and wakes the producer; false, with the writer left, when the body is past
  /// it or over.
  [[nodiscard]] bool take_over(std::uint64_t index, cache::FillWriter& writer);

  // --- the producer ---

  /// The body reached slice `index`; gives what was handed over for it, if anything.
  [[nodiscard]] cache::FillWriter reach(std::uint64_t index);
  /// True when somebody reads a slice that was handed over and is still to come.
  [[nodiscard]] bool is_awaited() const;
  /// No more is taken over; what was goes to whoever asks next, or fails with `error`.
  void close(const Error* error);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<io::Waiters> bell_;
  std::map<std::uint64_t, cache::FillWriter> waiting_;
  std::uint64_t next_ = 0;
  bool is_over_ = false;
};

/// What the process knows of large objects beside what is stored: the size of slices, which URLs' origins ignore Range,
/// which answers to ranges are not to be shared, and the trunks that run. Any thread.
class SliceDesk {
 public:
  /// `size`: bytes of a slice, 0: nothing is sliced. Whole answers longer than `above` are; what cannot be is kept up
  /// to `most_kept`.
  SliceDesk(ByteCount size, ByteCount above, ByteCount most_kept)
      : size_(static_cast<std::uint32_t>(size.value)), above_(above.value), most_kept_(most_kept.value) {}

  [[nodiscard]] bool is_enabled() const { return size_ > 0; }
  [[nodiscard]] std::uint32_t slice_size() const { return size_; }
  [[nodiscard]] std::uint64_t above() const { return above_; }
  [[nodiscard]] std::uint64_t most_kept() const { return most_kept_; }

  /// The origin answered a range of this URL with something else: for ten minutes it is not asked for any.
  void note_range_ignored(Hash128 primary, MonoTime now) { habits_.add(primary, now + kRemembered); }
  [[nodiscard]] bool is_range_ignored(Hash128 primary, MonoTime now) const { return habits_.contains(primary, now); }
  /// Ranges of this URL may not be shared: for a minute they are passed on as they come.
  void note_unshared(Hash128 primary, MonoTime now) { habits_.add(other(primary), now + kUnshared); }
  [[nodiscard]] bool is_unshared(Hash128 primary, MonoTime now) const { return habits_.contains(other(primary), now); }

  /// The trunk that brings in a version now, or null.
  [[nodiscard]] std::shared_ptr<SliceTrunk> trunk_of(Hash128 version);
  /// Announces one; the caller keeps it for as long as it runs.
  void add_trunk(Hash128 version, const std::shared_ptr<SliceTrunk>& trunk);

 private:
  static constexpr std::chrono::minutes kRemembered{10};
  static constexpr std::chrono::minutes kUnshared{1};
  static Hash128 other(Hash128 primary) { return {primary.high ^ 0x5bd1e995, ~primary.low}; }

  const std::uint32_t size_;
  const std::uint64_t above_;
  const std::uint64_t most_kept_;
  cache::PassTable habits_;
  std::mutex mutex_;
  std::unordered_map<Hash128, std::weak_ptr<SliceTrunk>> trunks_;
};

}  // namespace yz::edge
