#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/hash.h"

namespace yz::cache {

/// Counts invalidations (RFC 9111 §4.4) by primary key, so that a fill, under whichever variant, can tell that its URL
/// was invalidated since it began. Fixed size: URLs share counters, and a foreign invalidation costs a fill its place
/// in the store, nothing else. Any thread, no lock.
class InvalidationMarks {
 public:
  [[nodiscard]] std::uint32_t at(Hash128 primary) const { return mark_of(primary).load(std::memory_order_seq_cst); }
  void raise(Hash128 primary) { mark_of(primary).fetch_add(1, std::memory_order_seq_cst); }

 private:
  static constexpr std::size_t kMarks = 4096;
  [[nodiscard]] std::atomic<std::uint32_t>& mark_of(Hash128 primary) { return marks_[primary.high % kMarks]; }
  [[nodiscard]] const std::atomic<std::uint32_t>& mark_of(Hash128 primary) const {
    return marks_[primary.high % kMarks];
  }
  std::array<std::atomic<std::uint32_t>, kMarks> marks_{};
};

}  // namespace yz::cache
