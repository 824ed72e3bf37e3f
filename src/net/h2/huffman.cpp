#include "net/h2/huffman.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace yz::net::h2 {
namespace {

constexpr std::size_t kSymbols = 257;  // the last is the end of the string
constexpr std::uint16_t kEndOfString = 256;
constexpr unsigned kLongest = 30;
/// Codes up to this long are found at once.
constexpr unsigned kRootBits = 9;

/// Bits of each symbol's code. The code is canonical, so they say all of it: shorter codes come first, equally long
/// ones in the order of their symbols (RFC 7541, appendix B).
constexpr std::array<std::uint8_t, kSymbols> kLengths = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,
    7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
    7,  8,  7,  8,  13, 19, 13, 14, 6,  15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,
    5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24,
    24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26,
    27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23,
    22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};

struct Root {
  std::uint8_t symbol = 0;
  std::uint8_t length = 0;  ///< 0: the code is longer than the root's bits
};

struct Code {
  std::array<Root, 1U << kRootBits> roots{};
  std::array<std::uint16_t, kSymbols> by_code{};              // symbols in the order of their codes
  std::array<std::uint32_t, kLongest + 1> first_code{};       // of each length
  std::array<std::uint32_t, kLongest + 1> end_code{};         // behind the last of each length
  std::array<std::uint16_t, kLongest + 1> first_of_length{};  // in by_code
};

constexpr Code build_code() {
  Code out;
  std::uint32_t code = 0;
  std::uint16_t at = 0;
  for (unsigned length = 1; length <= kLongest; ++length) {
    code <<= 1;
    out.first_code[length] = code;
    out.first_of_length[length] = at;
    for (std::size_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kLengths[symbol] != length) continue;
      out.by_code[at++] = static_cast<std::uint16_t>(symbol);
      if (length <= kRootBits) {
        const unsigned free = kRootBits - length;
        for (std::uint32_t rest = 0; rest < (1U << free); ++rest) {
          out.roots[(code << free) | rest] = {static_cast<std::uint8_t>(symbol), static_cast<std::uint8_t>(length)};
        }
      }
      ++code;
    }
    out.end_code[length] = code;
  }
  return out;
}

constexpr Code kCode = build_code();

struct Symbol {
  std::uint16_t symbol = kEndOfString;
  unsigned length = kLongest;
};

/// The code at the start of `window`, 64 bits of which enough are given.
Symbol find_long(std::uint64_t window) {
  for (unsigned length = kRootBits + 1; length <= kLongest; ++length) {
    const auto code = static_cast<std::uint32_t>(window >> (64 - length));
    if (code >= kCode.end_code[length]) continue;
    return {kCode.by_code[kCode.first_of_length[length] + code - kCode.first_code[length]], length};
  }
  return {};
}

}  // namespace

char* decode_huffman(std::string_view coded, char* out) {
  std::uint64_t window = 0;  // from its highest bit on
  unsigned held = 0;
  const char* in = coded.data();
  const char* const end = in + coded.size();
  for (;;) {
    while (held <= 56 && in != end) {
      window |= static_cast<std::uint64_t>(static_cast<unsigned char>(*in++)) << (56 - held);
      held += 8;
    }
    const Root root = kCode.roots[window >> (64 - kRootBits)];
    Symbol found{root.symbol, root.length};
    if (root.length == 0) found = find_long(window);
    if (found.length > held) break;
    if (found.symbol == kEndOfString) return nullptr;
    *out++ = static_cast<char>(found.symbol);
    window <<= found.length;
    held -= found.length;
  }
  // The rest: the first bits of the end-of-string code, all ones. What lies behind it in the window is zero.
  const bool is_padding = held < 8 && (held == 0 || window == ~std::uint64_t{0} << (64 - held));
  return is_padding ? out : nullptr;
}

}  // namespace yz::net::h2
