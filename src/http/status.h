#pragma once

#include <string_view>

namespace yz::http {

/// A status code, 100 to 599 (RFC 9110 §15); parsers accept nothing else.
using StatusCode = int;

/// The registered phrase ("Not Found"), or that of the class ("Client Error") for a code nobody registered.
[[nodiscard]] std::string_view reason_phrase(StatusCode status);

[[nodiscard]] constexpr bool is_informational(StatusCode s) { return s >= 100 && s < 200; }
[[nodiscard]] constexpr bool is_success(StatusCode s) { return s >= 200 && s < 300; }
[[nodiscard]] constexpr bool is_redirect(StatusCode s) { return s >= 300 && s < 400; }
[[nodiscard]] constexpr bool is_server_error(StatusCode s) { return s >= 500 && s < 600; }
/// 1xx, 204 and 304 never have content (RFC 9110 §6.4.1).
[[nodiscard]] constexpr bool forbids_body(StatusCode s) { return is_informational(s) || s == 204 || s == 304; }

}  // namespace yz::http
