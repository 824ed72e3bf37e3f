#pragma once

#include <string>
#include <vector>

#include "agent/settings.h"
#include "agent/state_folder.h"
#include "base/result.h"
#include "model/ids.h"

namespace yz::agent {

/// Writes the edge's settings file: the operator's settings, and over them those that are the agent's business
/// (`node`, `admin`, `state`). Returns the command that starts the edge with it.
[[nodiscard]] Result<std::vector<std::string>> prepare_edge(const EdgeSettings& settings, const StateFolder& state,
                                                            model::NodeId node);

}  // namespace yz::agent
