#pragma once

#include <string_view>

#include "base/result.h"

namespace yz::bus {

/// Whether it may name a topic: [a-z0-9._-]{1,64}, not starting with a dot, so that it is safe as a folder's and a
/// stream's name. Fails with kInvalid.
[[nodiscard]] Status check_topic_name(std::string_view name);

}  // namespace yz::bus
