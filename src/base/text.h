#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace yz {

// ASCII only, whatever the locale: protocols are.

[[nodiscard]] constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] std::string to_lower(std::string_view text);
/// ASCII only. Most that are asked about differ in size, which costs no call.
[[nodiscard]] bool are_same_letters(const char* a, const char* b, std::size_t size);
[[nodiscard]] inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && are_same_letters(a.data(), b.data(), a.size());
}
/// Without spaces and tabs at both ends (OWS of RFC 9110 §5.6.3), and without CR and LF.
[[nodiscard]] std::string_view trim(std::string_view text);
/// The pieces between separators, empty ones included: split("a,,b", ',') is a, "", b. Views into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// 1*DIGIT and nothing else, at most 2^64 - 1; none otherwise (no sign, no space, no "0x").
[[nodiscard]] std::optional<std::uint64_t> parse_u64(std::string_view text);
/// The same with an upper bound.
[[nodiscard]] std::optional<std::uint32_t> parse_u32(std::string_view text, std::uint32_t max = UINT32_MAX);

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] Result<std::string> from_hex(std::string_view text);
/// base64url without padding (RFC 4648 §5).
[[nodiscard]] std::string to_base64url(std::string_view bytes);
[[nodiscard]] Result<std::string> from_base64url(std::string_view text);
/// Decodes %XX; fails with kInvalid on a broken escape (RFC 3986 §2.1).
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);
/// Encodes all but unreserved characters (RFC 3986 §2.3).
[[nodiscard]] std::string percent_encode(std::string_view text);

/// True when every byte sequence is well-formed UTF-8 (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace yz
