#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace yz::control {

/// How fast prefetches may ask one domain's origin: so many requests a second, saved up for at most a second, and so
/// many URLs under way. Pure.
class OriginPace final {
 public:
  /// URLs that no node has ended yet.
  static constexpr std::size_t kMostUnderWay = 64;

  /// Begins with a second's worth.
  OriginPace(std::uint32_t rate, MonoTime now) : rate_(rate), saved_(rate), filled_(now) {}

  /// `rate`: requests a second, at least 1.
  void refill(std::uint32_t rate, MonoTime now);
  /// Whether a URL may go out now that its origin will be asked for `cost` times; it is then under way. What costs more
  /// than a second's worth waits for a full second, and those after it for the rest.
  [[nodiscard]] bool take(std::uint32_t cost);
  /// One that was under way is not any more.
  void end_one() { --under_way_; }
  /// Nothing is under way, and nothing is owed: as a new one.
  [[nodiscard]] bool is_at_rest() const { return under_way_ == 0 && saved_ >= rate_; }

 private:
  std::uint32_t rate_;
  double saved_;
  MonoTime filled_;
  std::size_t under_way_ = 0;
};

}  // namespace yz::control
