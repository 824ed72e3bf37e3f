#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "metrics/registry.h"

namespace yz::edge {

/// A part of a request's life that takes time of its own.
enum class Phase : std::uint8_t {
  kHandshake,  ///< of TLS, once a connection
  kHead,       ///< from a head's first bytes to its last, where they came apart
  kDisk,       ///< what memory lacked was looked for on disk
  kWait,       ///< somebody else fetches it: until its head is there
  kQueue,      ///< for leave to ask a server that is busy, where it had to be waited for
  kUpstream,   ///< from asking a peer or an origin (connecting included) to its head
  kRespond,    ///< from the beginning of the answer until the client's socket has taken all of it
};
inline constexpr std::array<std::string_view, 7> kPhaseNames = {"handshake", "head",     "disk",   "wait",
                                                                "queue",     "upstream", "respond"};

/// How long phases take, as yz_edge_phase_seconds in the metrics. A phase that a request does not go through is not
/// counted, so that quantiles are of those that do; parsing and lookups in memory take less than a clock tells and are
/// in yz_edge_request_seconds alone. Times are the reactor's, taken once a turn: no clock is asked for them. Any
/// thread.
class PhaseTimes {
 public:
  explicit PhaseTimes(metrics::Registry& registry) {
    for (std::size_t i = 0; i < kPhaseNames.size(); ++i) {
      times_[i] = registry.histogram("yz_edge_phase_seconds", "Time spent in the phases of requests",
                                     metrics::Histogram::kMicroseconds, {{"phase", std::string(kPhaseNames[i])}});
    }
  }

  void record(Phase phase, MonoTime from, MonoTime to) const {
    const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
    of(phase).record(static_cast<std::uint64_t>(std::max<std::int64_t>(taken, 0)));
  }
  [[nodiscard]] const metrics::Histogram& of(Phase phase) const { return times_[static_cast<std::size_t>(phase)]; }

 private:
  std::array<metrics::Histogram, kPhaseNames.size()> times_;
};

}  // namespace yz::edge
