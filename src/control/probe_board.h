#pragma once

#include <map>
#include <vector>

#include "model/node_state.h"

namespace yz::control {

/// What connected schedulers' probes say of nodes: seen from outside, unlike what agents say. On the reactor's thread.
class ProbeBoard final {
 public:
  /// A scheduler's opinions; they replace what it said before.
  void take(model::NodeId scheduler, std::vector<model::HealthVerdict> verdicts);
  /// It is away: what it said counts no longer.
  void forget(model::NodeId scheduler);

  /// The worst opinion of each node, by node.
  [[nodiscard]] std::map<model::NodeId, model::HealthVerdict> worst() const;

 private:
  std::map<model::NodeId, std::vector<model::HealthVerdict>> by_scheduler_;
};

}  // namespace yz::control
