#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"

namespace yz::cache {

/// Remembers for a while which slots turned out not to be shareable (hit-for-miss), so that requests for them do not
/// queue behind each other. Fixed size; a collision forgets the older one, which costs one queue. Any thread, no lock.
class PassTable {
 public:
  void add(Hash128 slot, MonoTime until) {
    Mark& mark = mark_of(slot);
    mark.until.store(0, std::memory_order_relaxed);
    mark.name.store(slot.low, std::memory_order_release);
    mark.until.store(until.time_since_epoch().count(), std::memory_order_release);
  }
  [[nodiscard]] bool contains(Hash128 slot, MonoTime now) const {
    const Mark& mark = marks_[slot.high % kMarks];
    return mark.until.load(std::memory_order_acquire) > now.time_since_epoch().count() &&
           mark.name.load(std::memory_order_acquire) == slot.low;
  }
  void remove(Hash128 slot) {
    Mark& mark = mark_of(slot);
    if (mark.name.load(std::memory_order_relaxed) == slot.low) mark.until.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kMarks = 8192;
  struct Mark {
    std::atomic<std::uint64_t> name{0};
    std::atomic<MonoTime::rep> until{0};
  };
  [[nodiscard]] Mark& mark_of(Hash128 slot) { return marks_[slot.high % kMarks]; }
  std::array<Mark, kMarks> marks_;
};

}  // namespace yz::cache
