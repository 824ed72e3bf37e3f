#pragma once

#include <string>
#include <string_view>

namespace yz {

/// The path of a program of the system: from PATH, then the folders of system programs, which users' PATH may lack.
/// Empty when there is none.
[[nodiscard]] std::string find_program(std::string_view name);

}  // namespace yz
