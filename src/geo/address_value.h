#pragma once

#include <cstdint>

#include "base/ip.h"

namespace yz::geo {

/// An address of either family as a number, for ranges: IPv4 in the low 32 bits, IPv6 in all 128.
__extension__ using AddressValue = unsigned __int128;

[[nodiscard]] constexpr std::uint64_t high_half(const IpAddress& address) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8 | address.bytes()[i];
  return out;
}
[[nodiscard]] constexpr std::uint64_t low_half(const IpAddress& address) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i < 16; ++i) out = out << 8 | address.bytes()[i];
  return out;
}

[[nodiscard]] constexpr AddressValue value_of(const IpAddress& address) {
  if (address.is_v4()) return address.v4_value();
  return AddressValue{high_half(address)} << 64 | low_half(address);
}

[[nodiscard]] constexpr IpAddress address_of(IpFamily family, AddressValue value) {
  if (family == IpFamily::kV4) return IpAddress::v4(static_cast<std::uint32_t>(value));
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 16; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (120 - 8 * i));
  return IpAddress::v6(bytes);
}

/// The last address of a family.
[[nodiscard]] constexpr AddressValue last_value(IpFamily family) {
  return family == IpFamily::kV4 ? AddressValue{0xffffffff} : ~AddressValue{0};
}

/// The last address of a block.
[[nodiscard]] constexpr AddressValue last_value(const IpPrefix& block) {
  const int host_bits = block.address.bit_width() - block.length;
  const AddressValue mask = host_bits == 128 ? ~AddressValue{0} : (AddressValue{1} << host_bits) - 1;
  return value_of(block.address) | mask;
}

}  // namespace yz::geo
