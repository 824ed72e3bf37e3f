#pragma once

#include <memory>

#include "control/call.h"
#include "control/config_state.h"
#include "control/probe_board.h"
#include "geo/geo_map.h"
#include "model/node_state.h"

namespace yz::control {

/// Where a client at an address is sent for a name, and why: decided by room sched, from the same configuration and
/// node states that schedulers get, and what their probes last said.
class Explainer final {
 public:
  Explainer(const ConfigState& state, std::shared_ptr<const geo::GeoMap> map) : state_(state), map_(std::move(map)) {}

  /// `name` is a domain's name or alias, or a CNAME target. 400 for an address that is none, 404 for a name that is
  /// not served or that the caller may not see. Any thread.
  [[nodiscard]] Outcome explain(const Call& call, const std::vector<model::NodeState>& states,
                                const ProbeBoard& probes) const;

 private:
  const ConfigState& state_;
  std::shared_ptr<const geo::GeoMap> map_;  // shared: mapped once for the process
};

}  // namespace yz::control
