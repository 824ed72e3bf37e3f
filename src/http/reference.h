#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace yz::http {

/// A reference resolved against an absolute path (RFC 3986 §5.2) within one origin: dot segments removed, fragment
/// dropped.
[[nodiscard]] std::string resolve_path(std::string_view base_path, std::string_view reference_path, bool has_query,
                                       std::string_view query);

/// A reference resolved against an absolute http or https URL (RFC 3986 §5.2), without fragment; none when the result
/// is no such URL ("data:…", a host with userinfo).
[[nodiscard]] std::optional<std::string> resolve_url(std::string_view base, std::string_view reference);

}  // namespace yz::http
