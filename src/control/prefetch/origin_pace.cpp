#include "control/prefetch/origin_pace.h"

#include <algorithm>
#include <chrono>

namespace yz::control {

void OriginPace::refill(std::uint32_t rate, MonoTime now) {
  rate_ = std::max<std::uint32_t>(1, rate);
  saved_ = std::min<double>(rate_, saved_ + std::chrono::duration<double>(now - filled_).count() * rate_);
  filled_ = now;
}

bool OriginPace::take(std::uint32_t cost) {
  if (under_way_ == kMostUnderWay || saved_ < std::min(cost, rate_)) return false;
  saved_ -= cost;
  ++under_way_;
  return true;
}

}  // namespace yz::control
