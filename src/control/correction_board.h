#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "rpc/node_messages.h"

namespace yz::control {

/// Viewers that DNS sent to the wrong node and an edge redirected, over the last hour: where resolvers mislead. Kept in
/// memory alone, in steps of a minute. On the reactor's thread.
class CorrectionBoard final {
 public:
  /// Kinds of correction kept for one minute; more are counted in `dropped()`.
  static constexpr std::size_t kMostKindsAMinute = 4096;
  static constexpr std::chrono::minutes kKept{60};

  void take(const std::vector<rpc::Correction>& corrections, WallTime now);

  /// The last hour's, most frequent first.
  [[nodiscard]] std::vector<rpc::Correction> recent(WallTime now) const;
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  using Kind = std::tuple<model::DomainId, std::string, std::string, model::NodeId, model::NodeId>;
  struct Minute {
    std::int64_t number = 0;  // since the epoch
    std::map<Kind, std::uint64_t> counts;
  };
  std::deque<Minute> minutes_;
  std::uint64_t dropped_ = 0;
};

}  // namespace yz::control
