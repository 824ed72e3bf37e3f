#pragma once

#include "base/ip.h"

namespace yz {

/// Reachable from everywhere, as far as the address itself tells: in no block that IANA's special-purpose registries
/// (RFC 6890) keep from the internet, no multicast, and no IPv6 address that leads to such a one of IPv4 or may
/// (mapped, NAT64, 6to4, Teredo). What asks a host on somebody else's behalf asks at these only.
[[nodiscard]] bool is_public(const IpAddress& address);

}  // namespace yz
