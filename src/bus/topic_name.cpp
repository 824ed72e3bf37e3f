#include "bus/topic_name.h"

#include <algorithm>

#include <fmt/format.h>

namespace yz::bus {

Status check_topic_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= 64 && name.front() != '.' && std::all_of(name.begin(), name.end(), allowed)) {
    return {};
  }
  return fail(Code::kInvalid, fmt::format("'{}' is not the name of a topic", name));
}

}  // namespace yz::bus
