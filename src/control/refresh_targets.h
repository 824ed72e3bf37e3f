#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "control/permission.h"
#include "control/problem.h"
#include "model/config_snapshot.h"
#include "model/task.h"

namespace yz::control {

/// What a refresh or prefetch is to do, read from the API's body.
struct TaskWish {
  model::TaskKind kind = model::TaskKind::kRefresh;
  bool refreshes = true;  ///< the nodes forget the targets; a prefetch then loads them
  bool hard = true;
  bool reads_manifests = false;  ///< prefetch only
  model::TenantId tenant;        ///< whose task it is; none: an operator's over several tenants
  std::vector<model::TaskTarget> targets;
};

/// Reads {"urls", "directories", "tags", "domains", "all", "mode"}. Every host must be a domain (or an alias) that the
/// caller may see; 422 with a JSON pointer for each that is not, 403 when a tenant asks for `all`.
[[nodiscard]] tl::expected<TaskWish, Problem> read_refresh(const nlohmann::json& body,
                                                           const model::ConfigSnapshot& config,
                                                           const Principal& principal);
/// Reads {"urls", "refresh", "manifests"}.
[[nodiscard]] tl::expected<TaskWish, Problem> read_prefetch(const nlohmann::json& body,
                                                            const model::ConfigSnapshot& config,
                                                            const Principal& principal);

/// The host of a URL as the readers above take it, lower case, without port; none of anything else.
[[nodiscard]] std::optional<std::string> host_of_url(std::string_view url);
/// A tenant's domains by all their names; views into `config`.
[[nodiscard]] std::unordered_map<std::string_view, const model::Domain*> hosts_of(const model::ConfigSnapshot& config,
                                                                                  model::TenantId tenant);

}  // namespace yz::control
