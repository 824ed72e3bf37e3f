#include "control/rate_limit.h"

#include <algorithm>

#include <fmt/format.h>

namespace yz::control {
namespace {
constexpr std::chrono::minutes kRemembered{2};
}  // namespace

std::chrono::seconds RateLimit::take(std::string_view subject, WallTime now) {
  if (per_minute_ == 0) return std::chrono::seconds(0);
  const auto minute = std::chrono::floor<std::chrono::minutes>(now);
  const std::int64_t number = minute.time_since_epoch().count();
  std::uint64_t count = count_here(std::string(subject), number);
  // Who has used it up here needs no other opinion.
  if (count <= per_minute_ && shared_ != nullptr) {
    const auto all = shared_->add_one(fmt::format("yizhan:requests:{}:{}", number, subject), kRemembered);
    if (all) count = std::max(count, *all);
  }
  if (count <= per_minute_) return std::chrono::seconds(0);
  return std::chrono::ceil<std::chrono::seconds>(minute + std::chrono::minutes(1) - now);
}

std::uint64_t RateLimit::count_here(const std::string& subject, std::int64_t minute) {
  const std::lock_guard lock(mutex_);
  if (minute != minute_) {
    minute_ = minute;
    counts_.clear();
  }
  return ++counts_[subject];
}

}  // namespace yz::control
