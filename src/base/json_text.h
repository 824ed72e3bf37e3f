#pragma once

#include <string>
#include <string_view>

namespace yz {

/// `text` as a JSON string, quotes included (RFC 8259 §7): nothing in it can break a line or end the string.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace yz
