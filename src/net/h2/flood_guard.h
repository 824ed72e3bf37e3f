#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace yz::net::h2 {

/// Budgets of one connection; what an honest client never comes near.
struct Limits {
  std::uint32_t max_streams = 100;            ///< at work at once (SETTINGS_MAX_CONCURRENT_STREAMS)
  std::uint32_t max_requests = 1'000'000;     ///< on one connection, then it is left gracefully
  std::uint32_t stream_window = 256 * 1024;   ///< bytes of a request body taken before its handler asked for them
  std::uint32_t connection_window = 1 << 20;  ///< the same over all streams
  std::uint32_t max_continuations = 8;        ///< CONTINUATION frames of one header block
  std::uint32_t wasted_streams = 100;         ///< streams that ended before their answer did, beyond half of the rest
  std::uint32_t control_burst = 1000;         ///< SETTINGS, PING, PRIORITY, empty and unknown frames at once
  std::uint32_t control_per_second = 100;     ///< and for ever
  std::chrono::milliseconds window_stall = std::chrono::seconds(30);  ///< an answer waits for the client's window
};

/// Kinds of abuse that end a connection with ENHANCE_YOUR_CALM.
enum class Flood : std::uint8_t {
  kRapidReset,     ///< CVE-2023-44487: the client resets what it asked for
  kInducedReset,   ///< CVE-2025-8671: the client makes us reset
  kContinuation,   ///< CVE-2024-27316 and its family
  kControlFrames,  ///< SETTINGS, PING, PRIORITY, unknown
  kEmptyFrames,    ///< CVE-2019-9518
  kWindowUpdates,  ///< windows opened by crumbs
  kHeadSize,       ///< a header block that unpacks to far too much
  kWindowStall,    ///< CVE-2019-9517 and its family: answers asked for and not taken
};
inline constexpr std::size_t kFloods = 8;
[[nodiscard]] std::string_view to_string(Flood flood);

/// Tokens that come back with time, up to a bound.
class TokenBucket {
 public:
  TokenBucket(double burst, double per_second, MonoTime now)
      : burst_(burst), per_second_(per_second), tokens_(burst), at_(now) {}
  /// False when there was none left.
  [[nodiscard]] bool take(MonoTime now);
  void earn(double tokens) { tokens_ += tokens; }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  MonoTime at_;
};

/// Counts what a connection does against its budgets. Each call says whether it is still within them.
class FloodGuard {
 public:
  FloodGuard(const Limits& limits, MonoTime now)
      : allowed_waste_(limits.wasted_streams),
        control_(limits.control_burst, limits.control_per_second, now),
        windows_(limits.control_burst, limits.control_burst, now),
        began_(now) {}

  /// A stream's answer was sent whole.
  void count_completed() { ++completed_; }
  /// A stream ended before its answer did, whoever reset it. One more is forgiven each second.
  [[nodiscard]] bool count_wasted(MonoTime now);
  [[nodiscard]] bool count_control(MonoTime now) { return control_.take(now); }
  [[nodiscard]] bool count_window_update(MonoTime now) { return windows_.take(now); }
  /// Body bytes sent earn the window updates that let them go.
  void count_sent(std::size_t bytes) { windows_.earn(static_cast<double>(bytes) / 512); }

 private:
  std::uint64_t allowed_waste_;
  std::uint64_t completed_ = 0;
  std::uint64_t wasted_ = 0;
  TokenBucket control_;
  TokenBucket windows_;
  MonoTime began_;
};

/// What the HTTP/2 connections of a server did.
struct Counts {
  std::uint64_t sessions = 0;
  std::uint64_t streams = 0;
  std::uint64_t resets_by_client = 0;  ///< RST_STREAM received for a stream at work
  std::uint64_t resets_for_error = 0;  ///< sent because the client broke a rule
  std::uint64_t resets_refused = 0;    ///< sent because it had too many at once, or we were leaving
  std::uint64_t resets_aborted = 0;    ///< sent because an answer could not be finished
  std::uint64_t connection_errors = 0;
  std::array<std::uint64_t, kFloods> floods{};
};

}  // namespace yz::net::h2
