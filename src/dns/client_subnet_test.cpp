#include "dns/client_subnet.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace yz::dns {
namespace {

std::optional<ClientSubnet> parse(std::string_view hex) { return parse_client_subnet(*from_hex(hex)); }

TEST(ClientSubnet, WellFormedOptionsAreRead) {
  EXPECT_EQ(to_string(parse("00011800cb0071")->subnet), "203.0.113.0/24");
  EXPECT_EQ(to_string(parse("00010000")->subnet), "0.0.0.0/0");
  EXPECT_EQ(to_string(parse("00012000cb007101")->subnet), "203.0.113.1/32");
  EXPECT_EQ(to_string(parse("0002380020010db8000000")->subnet), "2001:db8::/56");
  EXPECT_EQ(to_string(parse("00020000")->subnet), "::/0");
}

TEST(ClientSubnet, EveryMalformedOptionIsRefused) {
  const struct {
    const char* hex;
    const char* why;
  } cases[] = {
      {"000118000a0000ff", "too many octets"},
      {"000118000a00", "too few octets"},
      {"000114000a00ff", "bits set past SOURCE"},
      {"000118180a0000", "SCOPE not zero in a query"},
      {"000121000a00000000", "SOURCE of 33 for IPv4"},
      {"000318000a0000", "family 3"},
      {"00000000", "family 0"},
      {"0001", "shorter than its fixed part"},
      {"", "empty"},
      {"0002810000000000000000000000000000000000000000", "SOURCE of 129 for IPv6"},
      {"000200000a", "an octet for SOURCE 0"},
  };
  for (const auto& c : cases) EXPECT_FALSE(parse(c.hex)) << c.why;
}

TEST(ClientSubnet, TheResponseRepeatsTheQuestionWithAScope) {
  auto subnet = *parse("00011400c00010");
  subnet.scope = 16;
  const auto wire = to_wire(subnet);
  EXPECT_EQ(to_hex({wire.bytes, wire.size}), "00011410c00010");
}

}  // namespace
}  // namespace yz::dns
