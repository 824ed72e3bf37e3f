#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace yz::net::h2 {

/// The encoded form of serialised heads that were sent lately, found by where they lie and checked by what they say: a
/// head that is stored stays at its place, and sending it again is a comparison and a copy. Short ones, such as the
/// fields that change with each second, are made anew for each answer and found by what they say. Bounded and small
/// (about 250 KB when used at all); what is not in it is encoded. One thread.
class HeadMemo {
 public:
  /// Shorter texts are encoded as fast as they are compared.
  static constexpr std::size_t kLeast = 24;
  /// Texts from this size on are looked for by their place.
  static constexpr std::size_t kStays = 128;

  /// As encode_lines().
  char* encode(char* out, std::string_view lines);

 private:
  static constexpr std::size_t kEntries = 256;
  static constexpr std::size_t kLongest = 480;
  struct Entry {
    std::uint16_t size = 0;
    std::uint16_t encoded_size = 0;
    std::array<char, kLongest> text;
    std::array<char, kLongest> encoded;
  };
  std::unique_ptr<std::array<Entry, kEntries>> entries_;
};

}  // namespace yz::net::h2
