#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/hash.h"

namespace yz::cache {

/// Counts invalidations (RFC 9111 §4.4) by primary key, so that a fill, under whichever variant, can tell that its URL
/// was invalidated since it began. Fixed size: URLs share marks. A mark names the URL that raised it last, so that what
/// one other URL did is told apart; when two others did, the fill is taken for invalidated and costs its place in the
/// store, nothing else. Any thread, no lock.
class InvalidationMarks {
 public:
  /// From the lowest bit: 24 of a count of raises, 24 of a count of raises by another URL than the last, 16 of that
  /// URL.
  using Mark = std::uint64_t;

  [[nodiscard]] Mark at(Hash128 primary) const { return marks_[index_of(primary)].load(std::memory_order_seq_cst); }

  void raise(Hash128 primary) {
    std::atomic<Mark>& mark = marks_[index_of(primary)];
    Mark now = mark.load(std::memory_order_relaxed);
    Mark next = 0;
    do {
      const bool is_same = name_in(now) == name_of(primary);
      const Mark turns = (turns_in(now) + (is_same ? 0 : 1)) & kCount;
      next = name_of(primary) << 48 | turns << 24 | ((now + 1) & kCount);
    } while (!mark.compare_exchange_weak(now, next, std::memory_order_seq_cst));
  }

  /// True when the key was raised since its mark was `then`, or when that cannot be told.
  [[nodiscard]] bool is_raised(Hash128 primary, Mark then) const {
    const Mark now = at(primary);
    if (now == then) return false;
    const Mark name = name_of(primary);
    const Mark turns = (turns_in(now) - turns_in(then)) & kCount;
    return turns > 1 || name_in(now) == name || (turns == 1 && name_in(then) == name);
  }

 private:
  static constexpr std::size_t kMarks = 4096;
  static constexpr Mark kCount = (1 << 24) - 1;
  [[nodiscard]] static std::size_t index_of(Hash128 primary) { return primary.high % kMarks; }
  [[nodiscard]] static Mark name_of(Hash128 primary) { return primary.low >> 48; }
  [[nodiscard]] static Mark name_in(Mark mark) { return mark >> 48; }
  [[nodiscard]] static Mark turns_in(Mark mark) { return mark >> 24 & kCount; }
  std::array<std::atomic<Mark>, kMarks> marks_{};
};

}  // namespace yz::cache
