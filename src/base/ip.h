#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

/// An IPv4 or IPv6 address, in network byte order. IPv4 uses the first four bytes, the rest are zero.
class IpAddress {
 public:
  constexpr IpAddress() = default;  ///< 0.0.0.0
  static constexpr IpAddress v4(std::uint32_t host_order) {
    IpAddress a;
    for (std::size_t i = 0; i < 4; ++i) a.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return a;
  }
  static constexpr IpAddress v6(const std::array<std::uint8_t, 16>& bytes) {
    IpAddress a;
    a.bytes_ = bytes;
    a.family_ = IpFamily::kV6;
    return a;
  }
  /// "192.0.2.1" or "2001:db8::1" (RFC 4291 §2.2); no zone, no brackets. Fails with kInvalid.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);

  [[nodiscard]] constexpr IpFamily family() const { return family_; }
  [[nodiscard]] constexpr bool is_v4() const { return family_ == IpFamily::kV4; }
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] constexpr int bit_width() const { return is_v4() ? 32 : 128; }
  /// IPv4 in host order; only for is_v4().
  [[nodiscard]] constexpr std::uint32_t v4_value() const {
    return std::uint32_t{bytes_[0]} << 24 | std::uint32_t{bytes_[1]} << 16 | std::uint32_t{bytes_[2]} << 8 | bytes_[3];
  }
  /// IPv4 for ::ffff:0:0/96 (RFC 4291 §2.5.5.2), otherwise itself.
  [[nodiscard]] IpAddress unmapped() const;
  /// With all bits past `length` cleared.
  [[nodiscard]] IpAddress masked(int length) const;
  /// The bit at `index`, 0 the most significant.
  [[nodiscard]] constexpr bool bit(int index) const {
    return (bytes_[static_cast<std::size_t>(index / 8)] >> (7 - index % 8) & 1) != 0;
  }
  [[nodiscard]] bool is_loopback() const;
  /// RFC 1918 and RFC 4193.
  [[nodiscard]] bool is_private() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpFamily family_ = IpFamily::kV4;
  std::array<std::uint8_t, 16> bytes_{};
};

[[nodiscard]] std::string to_string(const IpAddress& address);

/// An address block: every address whose first `length` bits are those of `address`. The rest of `address` is zero.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  /// "10.0.0.0/8", or a single address. Fails with kInvalid, also when bits past the length are set.
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& other) const;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

[[nodiscard]] std::string to_string(const IpPrefix& prefix);

/// An address and a TCP or UDP port.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "127.0.0.1:8080" or "[::1]:8080". Fails with kInvalid.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace yz

template <>
struct std::hash<yz::IpAddress> {
  std::size_t operator()(const yz::IpAddress& address) const noexcept;
};
