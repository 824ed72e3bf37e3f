#include "base/ip.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(Ip, ParsesBothFamiliesAndNothingElse) {
  EXPECT_EQ(to_string(*IpAddress::parse("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(to_string(*IpAddress::parse("2001:DB8:0::1")), "2001:db8::1");
  for (const auto* bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", "::g", "[::1]", "1.2.3.4/8"}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
}

TEST(Ip, PrefixRefusesBitsPastItsLength) {
  EXPECT_TRUE(IpPrefix::parse("10.0.0.0/8")->contains(*IpAddress::parse("10.255.0.1")));
  EXPECT_FALSE(IpPrefix::parse("10.0.0.0/8")->contains(*IpAddress::parse("11.0.0.1")));
  EXPECT_TRUE(IpPrefix::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:7fff::1")));
  EXPECT_FALSE(IpPrefix::parse("2001:db8::/33")->contains(*IpAddress::parse("2001:db8:8000::1")));
  EXPECT_FALSE(IpPrefix::parse("10.0.0.1/8"));
  EXPECT_FALSE(IpPrefix::parse("10.0.0.0/33"));
}

TEST(Ip, MappedAddressesBecomeV4) {
  EXPECT_EQ(to_string(IpAddress::parse("::ffff:192.0.2.7")->unmapped()), "192.0.2.7");
  EXPECT_EQ(to_string(IpAddress::parse("::1")->unmapped()), "::1");
}

TEST(Ip, EndpointsNeedBracketsForV6) {
  EXPECT_EQ(to_string(*Endpoint::parse("127.0.0.1:8080")), "127.0.0.1:8080");
  EXPECT_EQ(to_string(*Endpoint::parse("[::1]:53")), "[::1]:53");
  for (const auto* bad : {"127.0.0.1", "::1:53", "[127.0.0.1]:1", "127.0.0.1:65536", "127.0.0.1:"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace yz
