#pragma once

#include <nlohmann/json_fwd.hpp>

#include "control/permission.h"
#include "control/problem.h"
#include "model/config_snapshot.h"
#include "model/task.h"

namespace yz::control {

/// What a refresh or prefetch is to do, read from the API's body.
struct TaskWish {
  model::TaskKind kind = model::TaskKind::kRefresh;
  bool hard = true;
  model::TenantId tenant;  ///< whose task it is; none: an operator's over several tenants
  std::vector<model::TaskTarget> targets;
};

/// Reads {"urls", "directories", "tags", "domains", "all", "mode"}. Every host must be a domain (or an alias) that the
/// caller may see; 422 with a JSON pointer for each that is not, 403 when a tenant asks for `all`.
[[nodiscard]] tl::expected<TaskWish, Problem> read_refresh(const nlohmann::json& body,
                                                           const model::ConfigSnapshot& config,
                                                           const Principal& principal);
/// Reads {"urls"}.
[[nodiscard]] tl::expected<TaskWish, Problem> read_prefetch(const nlohmann::json& body,
                                                            const model::ConfigSnapshot& config,
                                                            const Principal& principal);

}  // namespace yz::control
