#include "base/public_address.h"

#include <string>

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(PublicAddress, IsNoneThatIsNotOfTheInternet) {
  for (const char* inner :
       {"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.9", "172.31.255.255",
        "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(is_public(*IpAddress::parse(inner))) << inner;
    EXPECT_FALSE(is_public(*IpAddress::parse(std::string("::ffff:") + inner))) << "mapped " << inner;
  }
  for (const char* inner : {"::",
                            "::1",
                            "::a00:1",
                            "::ffff:0:a00:1",
                            "64:ff9b::7f00:1",
                            "64:ff9b:1::a00:1",
                            "100::1",
                            "2001::1",
                            "2001:0:4136:e378::1",
                            "2001:2::1",
                            "2001:db8::1",
                            "2002:7f00:1::",
                            "2002:a00:1::1",
                            "3fff::1",
                            "5f00::1",
                            "fc00::1",
                            "fd00::1",
                            "fe80::1",
                            "fec0::1",
                            "ff02::1"}) {
    EXPECT_FALSE(is_public(*IpAddress::parse(inner))) << inner;
  }
  for (const char* outer :
       {"1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "202.106.0.20", "223.255.255.255",
        "::ffff:8.8.8.8", "2001:200::1", "2400:3200::1", "2606:4700::1111"}) {
    EXPECT_TRUE(is_public(*IpAddress::parse(outer))) << outer;
  }
}

}  // namespace
}  // namespace yz
