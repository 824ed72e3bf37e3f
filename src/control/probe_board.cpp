#include "control/probe_board.h"

#include <utility>

namespace yz::control {

void ProbeBoard::take(model::NodeId scheduler, std::vector<model::HealthVerdict> verdicts) {
  by_scheduler_[scheduler] = std::move(verdicts);
}

void ProbeBoard::forget(model::NodeId scheduler) { by_scheduler_.erase(scheduler); }

std::map<model::NodeId, model::HealthVerdict> ProbeBoard::worst() const {
  std::map<model::NodeId, model::HealthVerdict> out;
  for (const auto& [scheduler, verdicts] : by_scheduler_) {
    for (const model::HealthVerdict& verdict : verdicts) {
      const auto [at, is_new] = out.try_emplace(verdict.node, verdict);
      // Health's enumerators ascend from unknown to down.
      if (!is_new && verdict.health > at->second.health) at->second = verdict;
    }
  }
  return out;
}

}  // namespace yz::control
