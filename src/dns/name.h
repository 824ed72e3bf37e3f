#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::dns {

/// A domain name in wire form without compression (RFC 1035 §3.1): length-prefixed labels and the root's zero byte, at
/// most 255 bytes. Case is kept as it came; equality ignores it (RFC 4343). A value without allocation.
class Name {
 public:
  static constexpr std::size_t kMaxSize = 255;
  static constexpr std::size_t kMaxLabel = 63;

  Name() : size_(1) { bytes_[0] = 0; }  ///< the root
  /// "www.example.com", with or without the last dot; "." is the root; "\." and "\065" as in RFC 1035 §5.1. Fails with
  /// kInvalid on empty labels, labels over 63 or names over 255 bytes.
  [[nodiscard]] static Result<Name> parse(std::string_view text);
  /// Reads an uncompressed name at the start of `wire`; what follows is not looked at. Fails with kInvalid when it
  /// does not end there or holds a compression pointer.
  [[nodiscard]] static Result<Name> from_wire(std::string_view wire);

  [[nodiscard]] std::string_view wire() const { return {bytes_.data(), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_root() const { return size_ == 1; }
  /// Labels without the root.
  [[nodiscard]] std::size_t label_count() const;
  /// The name without its first label; of the root the root.
  [[nodiscard]] Name parent() const;
  /// With ASCII letters in lower case: the form for maps.
  [[nodiscard]] Name lowered() const;
  /// Whether this is `ancestor` or below it.
  [[nodiscard]] bool is_within(const Name& ancestor) const;
  /// `label` put in front. Fails with kInvalid when too long.
  [[nodiscard]] Result<Name> with_label(std::string_view label) const;

  friend bool operator==(const Name& a, const Name& b) { return equal_wire(a.wire(), b.wire()); }
  /// Compares two wire forms ignoring case. Length bytes are below 64, so folding letters never changes them.
  [[nodiscard]] static bool equal_wire(std::string_view a, std::string_view b);

 private:
  std::array<char, kMaxSize> bytes_;
  std::uint8_t size_;
};

/// "www.example.com." with escapes where needed; "." for the root.
[[nodiscard]] std::string to_string(const Name& name);
/// The same without the last dot, as URLs and configuration write names.
[[nodiscard]] std::string to_host(const Name& name);

}  // namespace yz::dns
