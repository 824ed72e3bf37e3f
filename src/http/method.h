#pragma once

#include <cstdint>
#include <string_view>

namespace yz::http {

/// The registered methods that we treat specially; every other token is kOther and is forwarded by its text.
enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kConnect, kOptions, kTrace, kPatch, kOther };

/// Case-sensitive (RFC 9110 §9.1): "get" is kOther.
[[nodiscard]] Method parse_method(std::string_view token);
/// Canonical text; empty for kOther.
[[nodiscard]] std::string_view to_string(Method method);

/// GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1). An unknown method is not safe.
[[nodiscard]] constexpr bool is_safe(Method m) {
  return m == Method::kGet || m == Method::kHead || m == Method::kOptions || m == Method::kTrace;
}
/// Safe methods, PUT and DELETE (RFC 9110 §9.2.2): may be repeated after a connection died.
[[nodiscard]] constexpr bool is_idempotent(Method m) { return is_safe(m) || m == Method::kPut || m == Method::kDelete; }

}  // namespace yz::http
