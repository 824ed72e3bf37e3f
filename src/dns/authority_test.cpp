#include "dns/authority.h"

#include <gtest/gtest.h>

#include "dns/test_query.h"

namespace yz::dns {
namespace {

using namespace test;

Name n(std::string_view text) { return *Name::parse(text); }

/// Two IPv4 addresses and no IPv6 for every service, scope 16.
class FixedSource final : public ServiceSource {
 public:
  ServiceAnswer answer(std::uint32_t, Type type, const Query&) override {
    ServiceAnswer out;
    if (type != Type::kA) return out;
    out.addresses = {*IpAddress::parse("127.0.1.1"), *IpAddress::parse("127.0.1.2")};
    out.count = 2;
    out.ttl = 30;
    out.scope = 16;
    return out;
  }
};

/// A response taken apart far enough to check it.
struct Response {
  std::string bytes;
  [[nodiscard]] unsigned u16(std::size_t at) const {
    return static_cast<unsigned char>(bytes[at]) << 8U | static_cast<unsigned char>(bytes[at + 1]);
  }
  [[nodiscard]] bool is_silence() const { return bytes.empty(); }
  [[nodiscard]] unsigned flags() const { return u16(2); }
  [[nodiscard]] unsigned rcode() const {
    return (has_opt() ? static_cast<unsigned char>(opt()[5]) << 4U : 0) | (flags() & 0xf);
  }
  [[nodiscard]] unsigned answers() const { return u16(6); }
  [[nodiscard]] unsigned authorities() const { return u16(8); }
  [[nodiscard]] unsigned additionals() const { return u16(10); }
  [[nodiscard]] bool has(std::string_view part) const { return bytes.find(part) != std::string::npos; }
  /// The OPT record, last in all we write.
  [[nodiscard]] std::string_view opt() const {
    const auto at = bytes.rfind(std::string("\0\0\x29\x04\xd0", 5));
    return at == std::string::npos ? std::string_view{} : std::string_view(bytes).substr(at);
  }
  [[nodiscard]] bool has_opt() const { return !opt().empty(); }
};

class AuthorityTest : public ::testing::Test {
 protected:
  static Authority make() {
    std::vector<Record> records = {
        make_soa(n("cdn.test"), 3600, n("ns1.cdn.test"), n("hostmaster.cdn.test"), 7, {}),
        make_ns(n("cdn.test"), 3600, n("ns1.cdn.test")),
        make_ns(n("cdn.test"), 3600, n("ns2.cdn.test")),
        make_address(n("ns1.cdn.test"), 3600, *IpAddress::parse("192.0.2.1")),
        make_address(n("ns2.cdn.test"), 3600, *IpAddress::parse("2001:db8::2")),
        make_txt(n("text.cdn.test"), 60, "hello"),
        make_txt(n("medium.cdn.test"), 60, std::string(600, 'm')),
        make_txt(n("long.cdn.test"), 60, std::string(2000, 'l')),
        make_txt(n("deep.below.cdn.test"), 60, "x"),
        make_cname(n("alias.cdn.test"), 60, n("www.cdn.test")),
        make_cname(n("away.cdn.test"), 60, n("www.other.test")),
        make_cname(n("loop1.cdn.test"), 60, n("loop2.cdn.test")),
        make_cname(n("loop2.cdn.test"), 60, n("loop1.cdn.test")),
        make_cname(n("broken.cdn.test"), 60, n("gone.cdn.test")),
    };
    const Zone::Service services[] = {{n("www.cdn.test"), 1}};
    std::vector<Zone> zones;
    zones.push_back(*Zone::build(n("cdn.test"), records, services));
    return Authority(std::move(zones), {"node-7"});
  }

  Response ask(std::string_view packet, bool is_udp = true) {
    std::string out(is_udp ? 4096 : 65535, '\0');
    const auto answered = authority_.answer(packet, is_udp, source_, out);
    out.resize(answered.size);
    return {out};
  }

  FixedSource source_;
  const Authority authority_ = make();
};

// dns.md §6.1: the checks of ISC's EDNS compliance tester.

TEST_F(AuthorityTest, PlainSoaIsAnsweredWithAuthorityWhateverTheFlags) {
  for (const unsigned flags : {0x0000U, 0x0400U, 0x0020U, 0x0010U, 0x0040U, 0x0100U}) {
    const auto r = ask(test::query("cdn.test", Type::kSoa, {}, flags));
    EXPECT_EQ(r.rcode(), 0U) << flags;
    EXPECT_EQ(r.answers(), 1U) << flags;
    EXPECT_FALSE(r.has_opt()) << "OPT only when the query had one";
    EXPECT_EQ(r.flags() & ~0x0110U, 0x8400U) << "QR and AA; never AD, RA or Z";
    EXPECT_EQ(r.flags() & 0x0110U, flags & 0x0110U) << "RD and CD as asked";
  }
}

TEST_F(AuthorityTest, AnotherOpcodeGetsNotImpAndNothingElse) {
  for (const unsigned opcode : {1U, 2U, 4U, 5U, 15U}) {
    const auto r = ask(test::header(opcode << 11 | 0x07b0, 1, 0, 0, 0) + question("cdn.test", 6));
    EXPECT_EQ(r.bytes.size(), 12U);
    EXPECT_EQ(r.flags(), 0x8000U | opcode << 11 | 4U);
    EXPECT_EQ(to_hex(std::string_view(r.bytes).substr(4)), "0000000000000000");
  }
}

TEST_F(AuthorityTest, EveryTypeTheToolAsksForIsNoErrorAtTheApex) {
  for (const unsigned type : {1U,  2U,  3U,  4U,  5U,  7U,  10U,  12U,  15U, 16U, 28U,  33U,
                              35U, 43U, 46U, 47U, 48U, 52U, 257U, 256U, 64U, 65U, 666U, 1000U}) {
    const auto r = ask(test::query("cdn.test", static_cast<Type>(type)));
    EXPECT_EQ(r.rcode(), 0U) << type;
    EXPECT_TRUE((r.flags() & kFlagAa) != 0);
    EXPECT_EQ(r.answers() + r.authorities(), type == 2 ? 2U : 1U) << "the set, or the SOA";
  }
}

TEST_F(AuthorityTest, EdnsIsEchoedWithVersionZeroAndCleanFlags) {
  const auto r = ask(test::query("cdn.test", Type::kSoa, opt({}, 4096, 0, 0x0080)));
  EXPECT_EQ(to_hex(r.opt()), "00002904d0000000000000");
  const auto dnssec = ask(test::query("cdn.test", Type::kSoa, opt({}, 4096, 0, 0x8000)));
  EXPECT_EQ(to_hex(dnssec.opt()), "00002904d0000080000000") << "DO is copied (RFC 3225)";
  const auto unknown = ask(test::query("cdn.test", Type::kSoa, opt(option(100, "abc"))));
  EXPECT_EQ(to_hex(unknown.opt()), "00002904d0000000000000") << "unknown options are not echoed";
  EXPECT_EQ(unknown.answers(), 1U);
}

TEST_F(AuthorityTest, ALaterEdnsVersionGetsBadVersWithoutAnswer) {
  for (const auto& extra : {opt({}, 1232, 1), opt(option(100, ""), 1232, 1)}) {
    const auto r = ask(test::query("cdn.test", Type::kSoa, extra));
    EXPECT_EQ(r.rcode(), 16U);
    EXPECT_EQ(r.answers(), 0U);
    EXPECT_EQ(r.flags() & kFlagAa, 0U);
    EXPECT_EQ(r.opt()[6], '\0') << "our version is 0";
  }
}

TEST_F(AuthorityTest, OptionListWithSubnetNsidExpireAndCookie) {
  const auto r = ask(test::query(
      "cdn.test", Type::kSoa, opt(ecs("00010000") + option(3, "") + option(9, "") + option(10, "\1\2\3\4\5\6\7\x08"))));
  EXPECT_EQ(r.rcode(), 0U);
  EXPECT_TRUE(r.has(option(3, "node-7")));
  EXPECT_TRUE(r.has(ecs("00010000")));
}

// dns.md §6.2: client subnet.

TEST_F(AuthorityTest, MalformedClientSubnetsGetFormErr) {
  for (const auto* hex : {"000118000a0000ff", "000118000a00", "000114000a00ff", "000118180a0000", "000121000a00000000",
                          "000318000a0000", "00000000", "0001"}) {
    const auto r = ask(test::query("www.cdn.test", Type::kA, opt(ecs(hex))));
    EXPECT_EQ(r.rcode(), 1U) << hex;
    EXPECT_EQ(r.answers(), 0U) << hex;
    EXPECT_TRUE(r.has_opt()) << hex;
    EXPECT_EQ(r.opt().size(), 11U) << "the broken option is not echoed";
  }
}

TEST_F(AuthorityTest, TheSubnetComesBackWithTheServicesScope) {
  const auto r = ask(test::query("www.cdn.test", Type::kA, opt(ecs("00011800cb0071"))));
  EXPECT_EQ(r.answers(), 2U);
  EXPECT_TRUE(r.has(ecs("00011810cb0071")));
  EXPECT_FALSE(ask(test::query("www.cdn.test", Type::kA, opt())).has(be16(8) + be16(7))) << "not unasked";
}

TEST_F(AuthorityTest, FixedAndNegativeAnswersHaveScopeZero) {
  for (const auto& [name, type] : {std::pair{"text.cdn.test", Type::kTxt}, std::pair{"www.cdn.test", Type::kAaaa},
                                   std::pair{"none.cdn.test", Type::kA}, std::pair{"www.elsewhere.test", Type::kA}}) {
    EXPECT_TRUE(ask(test::query(name, type, opt(ecs("00011800cb0071")))).has(ecs("00011800cb0071"))) << name;
  }
}

TEST_F(AuthorityTest, OnlyTheFirstCnameWithASubnetTheWholeChainWithout) {
  EXPECT_EQ(ask(test::query("alias.cdn.test", Type::kA, opt(ecs("00011800cb0071")))).answers(), 1U);
  EXPECT_EQ(ask(test::query("alias.cdn.test", Type::kA, opt())).answers(), 3U);
}

// dns.md §6.3: robustness.

TEST_F(AuthorityTest, BrokenPacketsGetFormErrOrSilence) {
  EXPECT_TRUE(ask("").is_silence());
  EXPECT_TRUE(ask(std::string(11, '\0')).is_silence());
  EXPECT_TRUE(ask(test::query("cdn.test", Type::kSoa, {}, 0x8000)).is_silence());
  const auto q = question("cdn.test", 6);
  for (const auto& packet : {test::header(0, 0, 0, 0, 0), test::header(0, 2, 0, 0, 0) + q + q,
                             test::header(0, 1, 0, 0, 2) + q + opt() + opt(), test::header(0, 1, 0, 0, 0) + q + "junk",
                             test::header(0, 1, 0, 0, 0) + std::string("\xc0\x0c\0\6\0\1", 6)}) {
    const auto r = ask(packet);
    EXPECT_EQ(r.rcode(), 1U);
    EXPECT_EQ(r.answers(), 0U);
  }
}

TEST_F(AuthorityTest, WhatWeDoNotOfferIsRefusedByName) {
  EXPECT_EQ(ask(test::header(0, 1, 0, 0, 0) + question("version.bind", 16, 3)).rcode(), 5U) << "CHAOS";
  EXPECT_EQ(ask(test::header(0, 1, 0, 0, 0) + question("cdn.test", 6, 255)).rcode(), 5U) << "class ANY";
  for (const auto type : {Type::kAxfr, Type::kIxfr}) {
    EXPECT_EQ(ask(test::query("cdn.test", type)).rcode(), 5U);
    EXPECT_EQ(ask(test::query("cdn.test", type), false).rcode(), 5U);
  }
  EXPECT_EQ(ask(test::query("cdn.test", Type::kOpt)).rcode(), 1U);
  const auto outside = ask(test::query("www.example.com", Type::kA));
  EXPECT_EQ(outside.rcode(), 5U);
  EXPECT_EQ(outside.authorities(), 0U) << "no upward referral";
  EXPECT_EQ(outside.flags() & kFlagAa, 0U);
}

TEST_F(AuthorityTest, AnyIsAnsweredWithHinfo) {
  const auto r = ask(test::query("www.cdn.test", Type::kAny));
  EXPECT_EQ(r.answers(), 1U);
  EXPECT_TRUE(r.has("\7RFC8482"));
  EXPECT_EQ(ask(test::query("none.cdn.test", Type::kAny)).rcode(), 3U);
}

// Names.

TEST_F(AuthorityTest, TheCaseOfTheQuestionComesBack) {
  const auto r = ask(test::query("wWw.CdN.tEsT", Type::kA));
  EXPECT_EQ(r.rcode(), 0U);
  EXPECT_TRUE(r.has(std::string_view("\3wWw\3CdN\4tEsT\0", 14)));
  EXPECT_EQ(r.bytes.find("cdn", 0), std::string::npos) << "owners point at the question";
}

TEST_F(AuthorityTest, NoDataAndNxDomainCarryTheSoaWithTheNegativeTtl) {
  const auto nodata = ask(test::query("www.cdn.test", Type::kTxt));
  EXPECT_EQ(nodata.rcode(), 0U);
  EXPECT_EQ(nodata.answers(), 0U);
  EXPECT_EQ(nodata.authorities(), 1U);
  const auto nxdomain = ask(test::query("none.cdn.test", Type::kA));
  EXPECT_EQ(nxdomain.rcode(), 3U);
  EXPECT_EQ(nxdomain.authorities(), 1U);
  const std::string soa_with_ttl_60 = be16(6) + be16(1) + std::string("\0\0\0\x3c", 4);
  EXPECT_TRUE(nodata.has(soa_with_ttl_60));
  EXPECT_TRUE(nxdomain.has(soa_with_ttl_60));
  const auto above = ask(test::query("below.cdn.test", Type::kA));
  EXPECT_EQ(above.rcode(), 0U) << "an empty non-terminal is no NXDOMAIN (RFC 8020)";
  EXPECT_EQ(above.authorities(), 1U);
}

TEST_F(AuthorityTest, CnamesAreFollowedInsideTheZoneAndNeverForEver) {
  const auto away = ask(test::query("away.cdn.test", Type::kA));
  EXPECT_EQ(away.answers(), 1U);
  EXPECT_EQ(away.rcode(), 0U);
  EXPECT_EQ(ask(test::query("alias.cdn.test", Type::kCname)).answers(), 1U);
  EXPECT_LE(ask(test::query("loop1.cdn.test", Type::kA)).answers(), 8U);
  const auto broken = ask(test::query("broken.cdn.test", Type::kA));
  EXPECT_EQ(broken.rcode(), 3U) << "the code is that of the chain's end (RFC 6604)";
  EXPECT_EQ(broken.answers(), 1U);
}

TEST_F(AuthorityTest, NameServersComeWithTheirAddresses) {
  const auto r = ask(test::query("cdn.test", Type::kNs));
  EXPECT_EQ(r.answers(), 2U);
  EXPECT_EQ(r.additionals(), 2U);
}

// Sizes.

TEST_F(AuthorityTest, WhatDoesNotFitIsEmptyWithTcAndWholeOverTcp) {
  const auto plain = ask(test::query("medium.cdn.test", Type::kTxt));
  EXPECT_TRUE((plain.flags() & kFlagTc) != 0);
  EXPECT_EQ(plain.answers(), 0U);
  EXPECT_LE(plain.bytes.size(), 512U);
  EXPECT_EQ(ask(test::query("medium.cdn.test", Type::kTxt, opt())).answers(), 1U);
  const auto capped = ask(test::query("long.cdn.test", Type::kTxt, opt({}, 4096)));
  EXPECT_TRUE((capped.flags() & kFlagTc) != 0) << "never above 1232 bytes over UDP";
  EXPECT_TRUE(capped.has_opt()) << "room for the OPT is kept";
  const auto tcp = ask(test::query("long.cdn.test", Type::kTxt), false);
  EXPECT_EQ(tcp.answers(), 1U);
  EXPECT_GT(tcp.bytes.size(), 2000U);
}

TEST_F(AuthorityTest, NameServersThatDoNotFitAreTruncatedWhateverAddressesWouldFit) {
  std::vector<Record> records = {make_soa(n("z"), 60, n("ns.z"), n("h.z"), 1, {})};
  for (char letter = 'a'; letter <= 'l'; ++letter) {
    const Name server = n(std::string(50, letter) + ".z");
    records.push_back(make_ns(n("z"), 60, server));
    records.push_back(make_address(server, 60, *IpAddress::parse("192.0.2.1")));
  }
  std::vector<Zone> zones;
  zones.push_back(*Zone::build(n("z"), records, {}));
  const Authority authority(std::move(zones), {});
  std::string out(4096, '\0');
  const auto answered = authority.answer(test::query("z", Type::kNs), true, source_, out);
  const Response r{out.substr(0, answered.size)};
  EXPECT_TRUE((r.flags() & kFlagTc) != 0);
  EXPECT_EQ(r.answers(), 0U);
  EXPECT_EQ(r.additionals(), 0U);
}

/// TXT sizes around the limit: with the OPT's room reserved the answer is whole or empty, never too long.
TEST_F(AuthorityTest, RoomForTheOptIsReservedAtEverySize) {
  for (std::size_t size = 380; size < 520; ++size) {
    std::vector<Record> records = {make_soa(n("z"), 60, n("ns.z"), n("h.z"), 1, {}), make_ns(n("z"), 60, n("ns.z")),
                                   make_txt(n("t.z"), 60, std::string(size, 'x'))};
    std::vector<Zone> zones;
    zones.push_back(*Zone::build(n("z"), records, {}));
    const Authority authority(std::move(zones), {"node-7"});
    std::string out(4096, '\0');
    const auto answered = authority.answer(
        test::query("t.z", Type::kTxt, opt(option(3, "") + ecs("00011800cb0071"), 512)), true, source_, out);
    ASSERT_LE(answered.size, 512U);
    const Response r{out.substr(0, answered.size)};
    ASSERT_TRUE(r.has_opt());
    ASSERT_EQ(r.answers() == 0, (r.flags() & kFlagTc) != 0);
  }
}

}  // namespace
}  // namespace yz::dns
