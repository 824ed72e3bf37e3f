#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/node_state.h"
#include "sched/view.h"

namespace yz::gslb {

struct HealthRules {
  int fall = 2;                                  ///< failures in a row until a node is down
  int rise = 3;                                  ///< successes in a row until it is up again
  std::chrono::milliseconds ramp{30'000};        ///< from a tenth of its weight to all of it after a recovery
  std::chrono::milliseconds loss_window{1'500};  ///< failures that begin this close together count as one event
  std::chrono::milliseconds blind_hold{5'000};   ///< how long a mass loss is disbelieved
};

/// Turns probe results into verdicts. Pure: time comes in.
///
/// A node falls after `fall` failures in a row and rises after `rise` successes in a row; isolated failures make it
/// suspect, which shortens the TTL. A node never probed before counts as up after its first success. When four or more
/// nodes, and more than 30 % of all, fall within one window, the prober doubts itself instead: they stay suspect (they
/// keep their traffic, with short TTLs) until the hold is over and somebody else still answers.
class HealthBook {
 public:
  explicit HealthBook(HealthRules rules = {}) : rules_(rules) {}

  /// Takes in one probe. True when the node's verdict changed.
  [[nodiscard]] bool record_success(model::NodeId node, MonoTime now, WallTime wall);
  [[nodiscard]] bool record_failure(model::NodeId node, std::string reason, MonoTime now, WallTime wall);
  void forget(model::NodeId node) { entries_.erase(node); }
  /// Verdicts and shares that only the passing of time changes. True when one did. Call it about every second.
  [[nodiscard]] bool tick(MonoTime now, WallTime wall);

  [[nodiscard]] std::vector<sched::NodeSignal> signals(MonoTime now) const;
  [[nodiscard]] std::vector<model::HealthVerdict> verdicts() const;
  [[nodiscard]] model::Health health_of(model::NodeId node) const;
  [[nodiscard]] bool is_blind() const { return is_blind_; }

 private:
  struct Entry {
    model::Health health = model::Health::kUnknown;
    int failures = 0;   ///< in a row
    int successes = 0;  ///< in a row
    std::string reason;
    MonoTime failing_since{};
    MonoTime recovered_at{};
    bool is_ramping = false;
    bool is_held = false;  ///< would be down, were the prober not in doubt
    WallTime since{};
  };
  bool set(Entry& entry, model::Health health, WallTime wall);
  [[nodiscard]] bool is_mass_loss(MonoTime since) const;
  [[nodiscard]] double share_of(const Entry& entry, MonoTime now) const;

  HealthRules rules_;
  std::unordered_map<model::NodeId, Entry> entries_;
  bool is_blind_ = false;
  MonoTime blind_until_{};
  int ramp_step_ = 0;
};

}  // namespace yz::gslb
