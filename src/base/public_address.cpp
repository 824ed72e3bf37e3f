#include "base/public_address.h"

#include <algorithm>
#include <array>

namespace yz {

bool is_public(const IpAddress& address) {
  // RFC 6890 as updated, IPv4: without 192.0.0.9 and 192.0.0.10, which are anycast addresses of protocols.
  static const std::array kSpecialV4 = {
      *IpPrefix::parse("0.0.0.0/8"),      *IpPrefix::parse("10.0.0.0/8"),     *IpPrefix::parse("100.64.0.0/10"),
      *IpPrefix::parse("127.0.0.0/8"),    *IpPrefix::parse("169.254.0.0/16"), *IpPrefix::parse("172.16.0.0/12"),
      *IpPrefix::parse("192.0.0.0/24"),   *IpPrefix::parse("192.0.2.0/24"),   *IpPrefix::parse("192.88.99.0/24"),
      *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("198.18.0.0/15"),  *IpPrefix::parse("198.51.100.0/24"),
      *IpPrefix::parse("203.0.113.0/24"), *IpPrefix::parse("224.0.0.0/3")};
  // IPv6: nothing but 2000::/3 is given out (loopback, NAT64's 64:ff9b::/96 and 64:ff9b:1::/48, 100::/64, 5f00::/16,
  // fc00::/7, fe80::/10 and ff00::/8 lie elsewhere); within it protocols (with Teredo), documentation, and 6to4.
  static const IpPrefix kGivenOut = *IpPrefix::parse("2000::/3");
  static const std::array kSpecialV6 = {*IpPrefix::parse("2001::/23"), *IpPrefix::parse("2001:db8::/32"),
                                        *IpPrefix::parse("2002::/16"), *IpPrefix::parse("3fff::/20")};
  const IpAddress real = address.unmapped();
  const auto contains = [&](const IpPrefix& block) { return block.contains(real); };
  if (real.is_v4()) return std::ranges::none_of(kSpecialV4, contains);
  return kGivenOut.contains(real) && std::ranges::none_of(kSpecialV6, contains);
}

}  // namespace yz
