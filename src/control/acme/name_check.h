#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/problem.h"
#include "model/challenge.h"
#include "model/config_snapshot.h"

namespace yz::control {

inline constexpr std::size_t kMostNames = 100;

/// What is wrong with ordering a certificate for these names, at "/names/…": each is a host, or "*." and one, in lower
/// case and once; is covered by a domain of the tenant (a wildcard: a domain below it, and none of another tenant);
/// a wildcard is proved by DNS alone. Empty: nothing.
[[nodiscard]] model::Problems problems_of_names(const model::ConfigSnapshot& config, model::TenantId tenant,
                                                const std::vector<std::string>& names, model::ChallengeKind challenge);

/// The name, or one above it, that is in `blocked`; empty: none.
[[nodiscard]] std::string_view blocked_name(const std::vector<std::string>& names,
                                            const std::vector<std::string>& blocked);

}  // namespace yz::control
