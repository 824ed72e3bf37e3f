#pragma once

#include <atomic>
#include <cstdint>

#include "base/bytes.h"

namespace yz::cache {

/// Counts every byte the cache holds (objects, their heads, bodies in flight, index) against a hard limit. Any thread.
/// What is charged stays charged until the memory is really free again, so readers of evicted objects count too.
class MemoryBudget {
 public:
  explicit MemoryBudget(ByteCount limit) : limit_(limit.value) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Takes `bytes`, or nothing when that would pass the limit.
  [[nodiscard]] bool try_charge(std::uint64_t bytes) {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ || used > limit_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void release(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }
  /// True when less than `bytes` are left.
  [[nodiscard]] bool is_short_of(std::uint64_t bytes) const { return used() + bytes > limit_; }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace yz::cache
