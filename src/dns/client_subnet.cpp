#include "dns/client_subnet.h"

#include <array>
#include <cstring>

namespace yz::dns {

static constexpr std::uint16_t kFamilyV4 = 1;
static constexpr std::uint16_t kFamilyV6 = 2;

std::optional<ClientSubnet> parse_client_subnet(std::string_view option) {
  if (option.size() < 4) return std::nullopt;
  const auto byte = [option](std::size_t i) { return static_cast<std::uint8_t>(option[i]); };
  const auto family = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
  const std::uint8_t source = byte(2);
  if (family != kFamilyV4 && family != kFamilyV6) return std::nullopt;
  if (source > (family == kFamilyV4 ? 32 : 128) || byte(3) != 0) return std::nullopt;
  if (option.size() != 4 + (std::size_t{source} + 7) / 8) return std::nullopt;

  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 4; i < option.size(); ++i) bytes[i - 4] = byte(i);
  const IpAddress address = family == kFamilyV6
                                ? IpAddress::v6(bytes)
                                : IpAddress::v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                                                std::uint32_t{bytes[2]} << 8 | bytes[3]);
  if (address.masked(source) != address) return std::nullopt;
  return ClientSubnet{{address, source}, 0};
}

ClientSubnetBytes to_wire(const ClientSubnet& subnet) {
  ClientSubnetBytes out{};
  out.bytes[1] = static_cast<char>(subnet.subnet.address.is_v4() ? kFamilyV4 : kFamilyV6);
  out.bytes[2] = static_cast<char>(subnet.subnet.length);
  out.bytes[3] = static_cast<char>(subnet.scope);
  const std::size_t octets = (std::size_t{subnet.subnet.length} + 7) / 8;
  std::memcpy(out.bytes + 4, subnet.subnet.address.bytes().data(), octets);
  out.size = 4 + octets;
  return out;
}

}  // namespace yz::dns
