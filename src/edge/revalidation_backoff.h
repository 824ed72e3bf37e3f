#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/hash.h"

namespace yz::edge {

/// How long an object whose validation failed is not validated again while it may be served stale (RFC 9111 §4.2.4): 1
/// s after the first failure, twice that after each further one, 30 s at most; so that an origin that is down is not
/// asked once per request. Fixed size: objects share places, the latest keeps its own. Shared by the workers, no lock.
class RevalidationBackoff {
 public:
  static constexpr std::size_t kPlaces = 4096;
  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kLongest{30};

  void note_failure(Hash128 slot, MonoTime now) {
    Place& place = place_of(slot);
    const bool is_known = place.name.load(std::memory_order_relaxed) == slot.low;
    const std::uint32_t before = is_known ? place.seconds.load(std::memory_order_relaxed) : 0;
    const auto wait = std::min<std::uint32_t>(std::max<std::uint32_t>(before * 2, kFirst.count()), kLongest.count());
    place.until.store(0, std::memory_order_relaxed);
    place.name.store(slot.low, std::memory_order_release);
    place.seconds.store(wait, std::memory_order_relaxed);
    place.until.store((now + std::chrono::seconds(wait)).time_since_epoch().count(), std::memory_order_release);
  }
  void note_success(Hash128 slot) {
    Place& place = place_of(slot);
    if (place.name.load(std::memory_order_relaxed) != slot.low) return;
    place.seconds.store(0, std::memory_order_relaxed);
    place.until.store(0, std::memory_order_release);
  }
  [[nodiscard]] bool is_waiting(Hash128 slot, MonoTime now) const {
    const Place& place = places_[slot.high % kPlaces];
    return place.until.load(std::memory_order_acquire) > now.time_since_epoch().count() &&
           place.name.load(std::memory_order_acquire) == slot.low;
  }

 private:
  struct Place {
    std::atomic<std::uint64_t> name{0};
    std::atomic<MonoTime::rep> until{0};
    std::atomic<std::uint32_t> seconds{0};
  };
  [[nodiscard]] Place& place_of(Hash128 slot) { return places_[slot.high % kPlaces]; }
  std::array<Place, kPlaces> places_;
};

}  // namespace yz::edge
