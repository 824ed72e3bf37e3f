#include "dns/query.h"

#include <gtest/gtest.h>

#include "dns/test_query.h"

namespace yz::dns {
namespace {

using namespace test;

const std::string kQuestion = question("www.cdn.test", 1);

TEST(Query, AWellFormedQueryIsReadWhole) {
  const auto packet = test::query("WwW.cdn.test", Type::kAaaa,
                                  opt(ecs("00011800cb0071") + option(3, "") + option(10, "12345678"), 4096, 0, 0x8000));
  const auto parsed = parse_query(packet);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->error);
  EXPECT_EQ(parsed->id, 0x1234);
  EXPECT_EQ(to_host(parsed->name), "www.cdn.test");
  EXPECT_EQ(parsed->question.substr(1, 3), "WwW") << "the echo keeps the case";
  EXPECT_EQ(parsed->type, Type::kAaaa);
  ASSERT_TRUE(parsed->edns);
  EXPECT_EQ(parsed->edns->udp_payload, 4096);
  EXPECT_TRUE(parsed->edns->wants_dnssec);
  EXPECT_TRUE(parsed->edns->wants_nsid);
  EXPECT_EQ(to_string(parsed->edns->client_subnet->subnet), "203.0.113.0/24");
}

TEST(Query, SilenceIsRightForScrapsAndResponses) {
  EXPECT_FALSE(parse_query(""));
  EXPECT_FALSE(parse_query(header(0, 1, 0, 0, 0).substr(0, 11)));
  EXPECT_FALSE(parse_query(header(0x8000, 1, 0, 0, 0) + kQuestion));
}

TEST(Query, WhatBreaksTheFormatIsAFormErr) {
  const std::string a_record = std::string("\xc0\x0c", 2) + be16(1) + be16(1) + std::string(4, '\0') + be16(4) + "abcd";
  const struct {
    const char* what;
    std::string packet;
  } cases[] = {
      {"no question", header(0, 0, 0, 0, 0)},
      {"no question but a cookie", header(0, 0, 0, 0, 1) + opt(option(10, "12345678"))},
      {"two questions", header(0, 2, 0, 0, 0) + kQuestion + kQuestion},
      {"a question that is not there", header(0, 1, 0, 0, 0)},
      {"a question cut short", (header(0, 1, 0, 0, 0) + kQuestion).substr(0, 20)},
      {"a pointer to itself in the question", header(0, 1, 0, 0, 0) + std::string("\xc0\x0c", 2) + be16(1) + be16(1)},
      {"a reserved label type", header(0, 1, 0, 0, 0) + std::string("\x41x\0", 3) + be16(1) + be16(1)},
      {"bytes after the end", header(0, 1, 0, 0, 0) + kQuestion + "junk"},
      {"two OPT", header(0, 1, 0, 0, 2) + kQuestion + opt() + opt()},
      {"an OPT with an owner name", header(0, 1, 0, 0, 1) + kQuestion + std::string("\1x", 2) + opt()},
      {"an OPT among the answers", header(0, 1, 1, 0, 0) + kQuestion + opt()},
      {"an additional record that is not there", header(0, 1, 0, 0, 1) + kQuestion},
      {"a pointer loop in an owner name",
       header(0, 1, 0, 0, 1) + kQuestion + std::string("\xc0\x1e", 2) + a_record.substr(2)},
      {"a pointer into the header",
       header(0, 1, 0, 0, 1) + kQuestion + std::string("\xc0\x02", 2) + a_record.substr(2)},
      {"data that leaves the packet", header(0, 1, 0, 0, 1) + kQuestion + a_record.substr(0, a_record.size() - 1)},
      {"an option that leaves its record", test::query("a.test", Type::kA, opt(be16(100) + be16(9) + "x"))},
      {"half an option", test::query("a.test", Type::kA, opt("\1\2\3"))},
      {"two client subnets", test::query("a.test", Type::kA, opt(ecs("00010000") + ecs("00010000")))},
      {"a malformed client subnet", test::query("a.test", Type::kA, opt(ecs("000118180a0000")))},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_query(c.packet);
    ASSERT_TRUE(parsed) << c.what;
    EXPECT_EQ(parsed->error, Rcode::kFormErr) << c.what;
  }
}

TEST(Query, OtherRecordsInAQueryAreTolerated) {
  const std::string a_record = std::string("\xc0\x0c", 2) + be16(1) + be16(1) + std::string(4, '\0') + be16(4) + "abcd";
  const auto parsed = parse_query(header(0, 1, 0, 1, 2) + kQuestion + a_record + a_record + opt());
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->error);
  EXPECT_TRUE(parsed->edns);
}

TEST(Query, LaterVersionsAndOtherOpcodesAreNamed) {
  EXPECT_EQ(parse_query(test::query("a.test", Type::kA, opt({}, 1232, 1)))->error, Rcode::kBadVers);
  EXPECT_EQ(parse_query(test::query("a.test", Type::kA, opt(ecs("0001"), 1232, 1)))->error, Rcode::kBadVers);
  for (const unsigned opcode : {1U, 2U, 4U, 5U, 15U}) {
    EXPECT_EQ(parse_query(header(opcode << 11, 0, 0, 0, 0))->error, Rcode::kNotImp) << opcode;
  }
}

TEST(Query, SmallPayloadSizesCountAs512) {
  EXPECT_EQ(parse_query(test::query("a.test", Type::kA, opt({}, 0)))->edns->udp_payload, 512);
}

}  // namespace
}  // namespace yz::dns
