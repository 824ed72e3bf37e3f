#pragma once

#include <string_view>

namespace yz::control {

/// Of this program; shown by /healthz and --version.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace yz::control
