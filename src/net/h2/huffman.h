#pragma once

#include <cstddef>
#include <string_view>

namespace yz::net::h2 {

/// The most that so many coded bytes can stand for.
constexpr std::size_t huffman_bound(std::size_t coded) { return coded * 8 / 5; }

/// Writes what `coded` stands for in HPACK's Huffman code (RFC 7541 §5.2, appendix B) to `out`, which has room for
/// huffman_bound(). Gives the place behind it; null when it is none: the end-of-string symbol in it, or a rest that is
/// no padding of fewer than eight ones.
[[nodiscard]] char* decode_huffman(std::string_view coded, char* out);

}  // namespace yz::net::h2
