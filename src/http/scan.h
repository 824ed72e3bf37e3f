#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace yz::http {

namespace detail {

constexpr std::uint8_t kTokenBit = 1;   ///< tchar (RFC 9110 §5.6.2)
constexpr std::uint8_t kValueBit = 2;   ///< HTAB, SP, VCHAR (RFC 9110 §5.5)
constexpr std::uint8_t kTargetBit = 4;  ///< VCHAR except "#"
constexpr std::uint8_t kHostBit = 8;    ///< letters, digits, "-", ".", "_"

constexpr std::array<std::uint8_t, 256> build_classes() {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0x20; c < 0x7f; ++c) table[static_cast<std::size_t>(c)] |= kValueBit;
  table['\t'] |= kValueBit;
  for (int c = 0x21; c < 0x7f; ++c) table[static_cast<std::size_t>(c)] |= c == '#' ? 0 : kTargetBit;
  const auto alnum = [&](std::uint8_t bits) {
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] |= bits;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] |= bits;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] |= bits;
  };
  alnum(kTokenBit | kHostBit);
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::size_t>(c)] |= kTokenBit;
  for (const char c : std::string_view("-._")) table[static_cast<std::size_t>(c)] |= kHostBit;
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kClasses = build_classes();

inline bool has_class(char c, std::uint8_t bit) { return (kClasses[static_cast<unsigned char>(c)] & bit) != 0; }

}  // namespace detail

[[nodiscard]] inline bool is_token_char(char c) { return detail::has_class(c, detail::kTokenBit); }
[[nodiscard]] inline bool is_target_char(char c) { return detail::has_class(c, detail::kTargetBit); }
[[nodiscard]] inline bool is_host_char(char c) { return detail::has_class(c, detail::kHostBit); }
[[nodiscard]] inline bool is_value_char(char c) { return detail::has_class(c, detail::kValueBit); }

/// True for 1*tchar (RFC 9110 §5.6.2).
[[nodiscard]] inline bool is_token(std::string_view text) {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

/// Index of the first byte at or after `from` that may not stand in a field value (a control other than tab, DEL, and
/// without `allow_obs_text` any byte above 0x7F), or bytes.size(). Sixteen bytes a step where SSE2 is present.
[[nodiscard]] inline std::size_t find_value_end(std::string_view bytes, std::size_t from, bool allow_obs_text) {
  std::size_t i = from;
#if defined(__SSE2__)
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i space = _mm_set1_epi8(0x20);
  const __m128i zero = _mm_setzero_si128();
  for (; i + 16 <= bytes.size(); i += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + i));
    __m128i low = _mm_cmplt_epi8(v, space);  // signed: controls and bytes above 0x7F
    if (allow_obs_text) low = _mm_andnot_si128(_mm_cmplt_epi8(v, zero), low);
    const __m128i stop = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), low), _mm_cmpeq_epi8(v, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  for (; i < bytes.size(); ++i) {
    if (!is_value_char(bytes[i]) && !(allow_obs_text && static_cast<unsigned char>(bytes[i]) >= 0x80)) return i;
  }
  return i;
}

/// Index of the first byte at or after `from` that may not stand in a request target, or bytes.size().
[[nodiscard]] inline std::size_t find_target_end(std::string_view bytes, std::size_t from) {
  std::size_t i = from;
#if defined(__SSE2__)
  const __m128i first = _mm_set1_epi8(0x21);
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i hash = _mm_set1_epi8('#');
  for (; i + 16 <= bytes.size(); i += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + i));
    const __m128i stop =
        _mm_or_si128(_mm_cmplt_epi8(v, first), _mm_or_si128(_mm_cmpeq_epi8(v, del), _mm_cmpeq_epi8(v, hash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
    if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
  }
#endif
  while (i < bytes.size() && is_target_char(bytes[i])) ++i;
  return i;
}

/// Whether `bytes` from `from` on holds an empty line, however its lines end (a bare LF is refused by the parser, but
/// it must be looked at). The search may begin three bytes before the new ones.
[[nodiscard]] inline bool holds_empty_line(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at + 1 < bytes.size() && bytes[at + 1] == '\n') return true;
    if (at + 2 < bytes.size() && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') return true;
  }
  return false;
}

}  // namespace yz::http
