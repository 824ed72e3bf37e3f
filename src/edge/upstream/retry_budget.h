#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace yz::edge {

/// How many requests may be asked a second time of another server, so that trouble at origins is not doubled by us: a
/// bucket into which each first try puts a share of a retry, and time a little, so that a quiet site may retry as well.
/// Any thread, no lock.
class RetryBudget {
 public:
  static constexpr std::int64_t kMost = 20;      ///< retries saved up
  static constexpr std::int64_t kPerSecond = 1;  ///< the floor

  /// A first try: `percent` of a retry is earned.
  void earn(std::uint32_t percent, MonoTime now) { update(now, static_cast<std::int64_t>(percent) * kMilli / 100); }
  /// Takes one retry, if there is one.
  [[nodiscard]] bool take(MonoTime now) { return update(now, -kMilli); }

 private:
  static constexpr std::int64_t kMilli = 1000;

  bool update(MonoTime now, std::int64_t by) {
    const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      // Never touched: full.
      const std::int64_t then = seen == 0 ? ms : static_cast<std::int64_t>(seen >> kTokenBits);
      const std::int64_t had = seen == 0 ? kMost * kMilli : static_cast<std::int64_t>(seen & kTokenMask);
      const std::int64_t gained = std::clamp<std::int64_t>(ms - then, 0, kMost * kMilli) * kPerSecond;
      const std::int64_t left = std::min(had + gained, kMost * kMilli) + by;
      if (left < 0) return false;
      const auto tokens = static_cast<std::uint64_t>(std::min(left, kMost * kMilli));
      const std::uint64_t next = static_cast<std::uint64_t>(std::max(ms, then)) << kTokenBits | tokens;
      if (word_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
    }
  }

  static constexpr unsigned kTokenBits = 16;
  static constexpr std::uint64_t kTokenMask = (1U << kTokenBits) - 1;
  std::atomic<std::uint64_t> word_{0};  // milliseconds 48, thousandths of a retry 16
};

}  // namespace yz::edge
