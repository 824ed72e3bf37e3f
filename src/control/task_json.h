#pragma once

#include <nlohmann/json_fwd.hpp>

#include "control/task_board.h"
#include "model/config_snapshot.h"

namespace yz::control {

/// A task as the API shows it: targets, progress, nodes with what `hub` knows of them.
[[nodiscard]] nlohmann::json task_json(const model::Task& task, const NodeHub& hub,
                                       const model::ConfigSnapshot& config);

}  // namespace yz::control
