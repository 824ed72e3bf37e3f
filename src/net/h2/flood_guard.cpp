#include "net/h2/flood_guard.h"

#include <algorithm>

namespace yz::net::h2 {

std::string_view to_string(Flood flood) {
  constexpr std::array<std::string_view, kFloods> kNames = {"rapid_reset", "induced_reset", "continuation",
                                                            "control",     "empty_frames",  "window_updates",
                                                            "head_size",   "window_stall"};
  return kNames[static_cast<std::size_t>(flood)];
}

bool TokenBucket::take(MonoTime now) {
  if (tokens_ < 1) {
    // Only looked at when the tokens at hand are used up.
    tokens_ = std::min(burst_, tokens_ + std::chrono::duration<double>(now - at_).count() * per_second_);
    at_ = now;
  }
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

bool FloodGuard::count_wasted(MonoTime now) {
  ++wasted_;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - began_).count();
  return wasted_ <= allowed_waste_ + completed_ / 2 + static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0));
}

}  // namespace yz::net::h2
