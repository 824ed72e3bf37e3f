#include "base/find_program.h"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.h"

namespace yz {

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  const std::string folders = fmt::format("{}:/usr/sbin:/usr/bin", path != nullptr ? path : "");
  for (const std::string_view folder : split(folders, ':')) {
    std::string candidate = fmt::format("{}/{}", folder, name);
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace yz
