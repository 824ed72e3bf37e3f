#pragma once

#include <string_view>

#include "control/permission.h"
#include "model/config_snapshot.h"

namespace yz::control {

/// The domain that a parameter names, by its id or a host name; null when there is none, or none for this caller.
[[nodiscard]] const model::Domain* find_domain(const model::ConfigSnapshot& config, const Principal& caller,
                                               std::string_view id_or_host);

}  // namespace yz::control
