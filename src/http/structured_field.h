#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace yz::http {

/// A token of RFC 8941 §3.3.4, told apart from a string.
struct SfToken {
  std::string text;
};

/// Bare items that our fields use; byte sequences and decimals are recognised and kept as kOpaque text.
struct SfOpaque {
  std::string text;
};

using SfItem = std::variant<bool, std::int64_t, std::string, SfToken, SfOpaque>;

/// One member of a dictionary. Parameters are checked and dropped. An inner list is kept as SfOpaque.
struct SfMember {
  std::string key;
  SfItem value;
};

/// A Dictionary (RFC 8941 §3.2), parsed as §4.2.2 says: one wrong byte and the whole field counts as absent (none). Of
/// a repeated key the last value stays.
[[nodiscard]] std::optional<std::vector<SfMember>> parse_dictionary(std::string_view text);

}  // namespace yz::http
