#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "store/redis.h"

namespace yz::control {

/// How many requests a token or a signed-in user may make in a minute of the clock. Every instance counts for itself,
/// and with Redis for all together; while Redis is away each one's own count holds, so that its loss neither refuses
/// anybody nor lets anybody through for long. Blocks as long as Redis may; any thread may call.
class RateLimit final {
 public:
  /// `per_minute` 0: no limit. `shared` may be null.
  RateLimit(std::uint64_t per_minute, std::unique_ptr<store::Redis> shared)
      : per_minute_(per_minute), shared_(std::move(shared)) {}

  /// Counts a request of `subject`. Zero when it may be done; else how long until the next minute begins.
  [[nodiscard]] std::chrono::seconds take(std::string_view subject, WallTime now);

 private:
  [[nodiscard]] std::uint64_t count_here(const std::string& subject, std::int64_t minute);

  const std::uint64_t per_minute_;
  const std::unique_ptr<store::Redis> shared_;
  std::mutex mutex_;
  std::int64_t minute_ = 0;  // that `counts_` is of
  std::unordered_map<std::string, std::uint64_t> counts_;
};

}  // namespace yz::control
