#include "gslb/class_map.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "geo/sources.h"

namespace yz::gslb {
namespace {

using geo::Isp;
using geo::Province;

IpPrefix block(std::string_view text) { return *IpPrefix::parse(text); }

std::shared_ptr<const ClassMap> compile(std::string_view list, std::string_view overrides = "") {
  geo::GeoBuilder builder;
  builder.lay(*geo::read_overrides(list));
  return ClassMap::compile(**geo::GeoMap::from_bytes(builder.build(0)), *geo::read_overrides(overrides));
}

std::string look_up(const ClassMap& map, std::string_view subnet) {
  const auto found = map.find(block(subnet));
  return to_string(map.client_class(found.id)) + " /" + std::to_string(found.length) +
         (found.is_majority ? " majority" : "") + (found.is_private ? " private" : "");
}

TEST(ClassMap, NeighboursOfOneClassShareOneBlock) {
  const auto map = compile(
      "20.0.0.0/16 CN beijing unicom AS1\n20.1.0.0/16 CN beijing unicom AS2\n20.2.0.0/15 CN hebei unicom\n"
      "2400::/20 CN beijing unicom\n");
  EXPECT_EQ(look_up(*map, "20.0.7.0/24"), "CN beijing unicom /15") << "the AS number makes no class";
  EXPECT_EQ(look_up(*map, "20.3.0.0/24"), "CN hebei unicom /15");
  EXPECT_EQ(look_up(*map, "20.4.0.0/24"), "- - - /14");
  EXPECT_EQ(look_up(*map, "2400:0:1::/56"), "CN beijing unicom /20");
  EXPECT_EQ(look_up(*map, "2400:1000::/56"), "- - - /20");
  EXPECT_EQ(look_up(*map, "1000::/56"), "- - - /3");
  EXPECT_EQ(look_up(*map, "8000::/56"), "- - - /2");
}

TEST(ClassMap, NoBlockIsLongerThanWhatResolversSend) {
  const auto map =
      compile("20.0.0.0/25 CN beijing unicom\n20.0.0.128/26 CN hebei unicom\n2400::/60 CN beijing unicom\n");
  EXPECT_EQ(look_up(*map, "20.0.0.7/32"), "CN beijing unicom /24");
  EXPECT_EQ(look_up(*map, "20.0.0.200/32"), "CN beijing unicom /24") << "most of its addresses";
  EXPECT_EQ(look_up(*map, "2400::7/128"), "- - - /1") << "fifteen sixteenths of the /56 are not known";
}

TEST(ClassMap, AWideSubnetGetsTheClassOfMostOfItAndALongerScope) {
  const auto map = compile(
      "20.0.0.0/24 CN hebei unicom\n20.0.1.0/24 CN beijing unicom\n20.0.2.0/23 CN beijing unicom\n"
      "20.0.128.0/17 CN hunan telecom\n20.0.64.0/18 CN hunan telecom\n");
  EXPECT_EQ(look_up(*map, "20.0.0.0/22"), "CN beijing unicom /24 majority");
  EXPECT_EQ(look_up(*map, "20.0.0.0/16"), "CN hunan telecom /24 majority");
  EXPECT_EQ(look_up(*map, "20.0.0.0/24"), "CN hebei unicom /24");
}

TEST(ClassMap, PrivateSpaceIsCutOutWhole) {
  const auto map = compile("8.0.0.0/6 CN beijing unicom\n192.168.3.0/24 CN hebei unicom\n");
  EXPECT_EQ(look_up(*map, "10.1.2.0/24"), "- - - /8 private");
  EXPECT_EQ(look_up(*map, "172.31.0.0/24"), "- - - /12 private");
  EXPECT_EQ(look_up(*map, "192.168.3.0/24"), "- - - /16 private");
  EXPECT_EQ(look_up(*map, "fd00::/56"), "- - - /7 private");
  EXPECT_EQ(look_up(*map, "9.0.0.0/24"), "CN beijing unicom /7");
  EXPECT_EQ(look_up(*map, "11.0.0.0/24"), "CN beijing unicom /8");
  EXPECT_EQ(look_up(*map, "172.32.0.0/24"), "- - - /11");
  EXPECT_EQ(look_up(*map, "fe00::/56"), "- - - /7");
}

TEST(ClassMap, OverridesLieOverTheMap) {
  const auto map =
      compile("20.0.0.0/8 CN beijing unicom\n", "20.5.0.0/16 - hunan telecom\n127.0.1.0/24 CN hebei mobile\n");
  EXPECT_EQ(look_up(*map, "20.5.1.0/24"), "CN hunan telecom /16");
  EXPECT_EQ(look_up(*map, "20.4.1.0/24"), "CN beijing unicom /16");
  EXPECT_EQ(look_up(*map, "127.0.1.0/24"), "CN hebei mobile /24");
  EXPECT_EQ(look_up(*map, "127.0.0.0/24"), "- - - /24");
}

/// RFC 7871 §7.2.1: scopes never overlap. For random maps and pairs: two subnets inside one returned block have one
/// class and get the same block.
TEST(ClassMap, AddressesInsideOneReturnedScopeHaveTheSameAnswerClass) {
  Random random(11);
  for (int round = 0; round < 6; ++round) {
    geo::Layer layer;
    for (int i = 0; i < 400; ++i) {
      const bool is_v4 = i % 2 == 0;
      std::array<std::uint8_t, 16> bytes{};
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
      bytes[0] = static_cast<std::uint8_t>(round % 2 == 0 ? 0x20 | (bytes[0] & 3) : bytes[0]);
      const auto address =
          is_v4 ? IpAddress::v4(static_cast<std::uint32_t>(random.next()) & (round % 2 == 0 ? 0x0fff'ffffU : ~0U))
                : IpAddress::v6(bytes);
      const auto length = static_cast<std::uint8_t>(3 + random.below(is_v4 ? 28 : 60));
      layer.add({address.masked(length), length},
                {geo::kChina, static_cast<Province>(1 + random.below(5)), static_cast<Isp>(1 + random.below(3)), 0});
    }
    geo::GeoBuilder builder;
    builder.lay(layer);
    const auto map = ClassMap::compile(**geo::GeoMap::from_bytes(builder.build(0)), {});
    for (int i = 0; i < 20'000; ++i) {
      const bool is_v4 = i % 2 == 0;
      std::array<std::uint8_t, 16> bytes{};
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
      bytes[0] = static_cast<std::uint8_t>(round % 2 == 0 ? 0x20 | (bytes[0] & 3) : bytes[0]);
      const auto address =
          is_v4 ? IpAddress::v4(static_cast<std::uint32_t>(random.next()) & (round % 2 == 0 ? 0x0fff'ffffU : ~0U))
                : IpAddress::v6(bytes);
      const auto asked = static_cast<std::uint8_t>(is_v4 ? 24 : 56);
      const auto found = map->find(IpPrefix{address.masked(asked), asked});
      ASSERT_FALSE(found.is_majority);
      ASSERT_LE(found.length, asked);
      // Another address of that block, at random.
      auto other = address.bytes();
      for (int bit = found.length; bit < asked; ++bit) {
        if (random.below(2) == 1)
          other[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
      }
      const auto twin = is_v4 ? IpAddress::v4(std::uint32_t{other[0]} << 24 | std::uint32_t{other[1]} << 16 |
                                              std::uint32_t{other[2]} << 8 | other[3])
                              : IpAddress::v6(other);
      const auto same = map->find(IpPrefix{twin.masked(asked), asked});
      ASSERT_EQ(same.id, found.id) << to_string(address) << " and " << to_string(twin);
      ASSERT_EQ(same.length, found.length);
    }
  }
}

}  // namespace
}  // namespace yz::gslb
