#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace yz::http {

/// host [":" port] (RFC 3986 §3.2) without userinfo. Views into the parsed text; an IPv6 literal keeps its brackets.
struct Authority {
  std::string_view host;
  std::uint16_t port = 0;  ///< 0: none given
};

/// Letters, digits, "-", "." and "_" or a bracketed IPv6 address; port 1 to 65535. None for anything else: userinfo,
/// percent-escapes, an empty host, an empty port.
[[nodiscard]] std::optional<Authority> parse_authority(std::string_view text);

/// 80 for http, 443 for https (any case), 0 for others.
[[nodiscard]] std::uint16_t default_port(std::string_view scheme);

/// The same host (letters in any case) and the same port once `scheme`'s default is filled in.
[[nodiscard]] bool same_authority(const Authority& a, const Authority& b, std::string_view scheme);

/// An absolute or relative reference taken apart far enough to tell its origin (RFC 3986 §4.1). Views into the text.
struct Reference {
  std::string_view scheme;  ///< empty: relative to the base's
  std::string_view authority;
  std::string_view path;   ///< without query and fragment
  std::string_view query;  ///< without "?"
  bool has_authority = false;
  bool has_query = false;
};
[[nodiscard]] Reference split_reference(std::string_view text);

}  // namespace yz::http
