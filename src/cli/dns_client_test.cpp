#include "cli/dns_client.h"

#include <gtest/gtest.h>

namespace yz::cli {
namespace {

using namespace std::string_literals;

TEST(DnsQuery, CarriesTheNameAndTheClientsSubnet) {
  const std::string query = dns_query(0x1234, "a.bc", *IpAddress::parse("202.106.0.20"));
  EXPECT_EQ(query,
            "\x12\x34\0\0\0\1\0\0\0\0\0\1"
            "\1a\2bc\0\0\1\0\1"
            "\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\1\x18\0\xca\x6a\0"s);
}

TEST(DnsAnswer, GivesAddressesTtlAndScope) {
  const std::string reply =
      "\x12\x34\x84\0\0\1\0\2\0\0\0\1"
      "\1a\0\0\1\0\1"
      "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\1\1"
      "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\x7f\0\2\1"
      "\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\1\x18\x10\xca\x6a\0"s;
  const auto answer = parse_dns_answer(0x1234, reply);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->addresses.size(), 2u);
  EXPECT_EQ(to_string(answer->addresses[0]), "127.0.1.1");
  EXPECT_EQ(answer->ttl, 10u);
  EXPECT_EQ(to_string(*answer->scope), "202.106.0.0/16");
}

TEST(DnsAnswer, RefusesAnotherIdAndHalfAPacket) {
  EXPECT_FALSE(parse_dns_answer(1, dns_query(1, "a", std::nullopt))) << "a query is no answer";
  EXPECT_FALSE(parse_dns_answer(0x1234, "\x12\x34\x84\0\0\1\0\2"s));
}

}  // namespace
}  // namespace yz::cli
