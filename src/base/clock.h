#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using MonoTime = std::chrono::steady_clock::time_point;

/// Where time comes in: pure rooms take `now` as a parameter, the others a Clock. Any thread may call.
class Clock {
 public:
  virtual ~Clock() = default;
  /// UTC, for protocols and records. May jump.
  [[nodiscard]] virtual WallTime wall() const = 0;
  /// For deadlines and durations. Never goes back.
  [[nodiscard]] virtual MonoTime mono() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonoTime mono() const override;
  /// One shared instance; it has no state.
  static const SystemClock& instance();
};

/// A clock that stands still until told, for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall = WallTime(std::chrono::seconds(1'700'000'000)));
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonoTime mono() const override;
  void advance(std::chrono::milliseconds by);
  /// The wall clock jumps; the monotonic one does not.
  void set_wall(WallTime to);

 private:
  std::atomic<std::int64_t> wall_ms_;
  std::atomic<std::int64_t> mono_ms_{1'000'000};
};

/// "2026-11-21T03:04:05.678Z" (RFC 3339 §5.6); a time outside the years 0000 to 9999 becomes the nearest in them.
[[nodiscard]] std::string format_rfc3339(WallTime time);
/// Reads RFC 3339 with any fraction and offset. Fails with kInvalid.
[[nodiscard]] Result<WallTime> parse_rfc3339(std::string_view text);
/// Reads "250ms", "30s", "5m", "12h", "7d" (a whole number and a unit). Fails with kInvalid.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace yz
