#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"

namespace yz::dns {

/// EDNS Client Subnet (RFC 7871 §6). SOURCE is `subnet.length`; bits past it are zero.
struct ClientSubnet {
  IpPrefix subnet;
  std::uint8_t scope = 0;  ///< always 0 in queries
};

/// Reads the option of a query. None for whatever RFC 7871 §6 and §7.2.1 have answered with FORMERR: an unknown
/// family, SOURCE beyond the family's width, SCOPE not zero, too many or too few octets, bits set past SOURCE.
[[nodiscard]] std::optional<ClientSubnet> parse_client_subnet(std::string_view option);

/// The option's bytes for a response: FAMILY, SOURCE and ADDRESS as asked (§7.2.1), with `scope`. At most 20 bytes.
struct ClientSubnetBytes {
  char bytes[20];
  std::size_t size;
};
[[nodiscard]] ClientSubnetBytes to_wire(const ClientSubnet& subnet);

}  // namespace yz::dns
