#include "geo/geo_map.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "geo/geo_builder.h"

namespace yz::geo {
namespace {

const Country kUs = *Country::parse("US");

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
IpPrefix block(std::string_view text) { return *IpPrefix::parse(text); }

std::shared_ptr<const GeoMap> map_of(const GeoBuilder& builder) {
  auto map = GeoMap::from_bytes(builder.build(1));
  EXPECT_TRUE(map) << map.error().message;
  return *map;
}

TEST(GeoMap, AnEmptyMapKnowsNothingAndCoversEverything) {
  const auto map = GeoMap::empty();
  EXPECT_EQ(map->lookup(ip("1.2.3.4")), GeoInfo{});
  EXPECT_EQ(map->lookup(ip("ffff::1")), GeoInfo{});
  EXPECT_EQ(to_string(map->locate(ip("1.2.3.4")).block), "0.0.0.0/0");
  EXPECT_EQ(map->range_count(IpFamily::kV6), 1U);
}

TEST(GeoMap, LaterLayersCoverEarlierOnesFactByFact) {
  Layer countries;
  countries.add(block("1.0.0.0/8"), {kChina, {}, {}, 0});
  Layer asns;
  asns.add(block("1.2.0.0/16"), {{}, {}, {}, 4134});
  asns.add(block("1.3.0.0/16"), {{}, {}, {}, 64500});
  Layer places;
  places.add(block("1.2.3.0/24"), {kChina, Province::kGuangdong, Isp::kUnicom, 0});
  Layer overrides;
  overrides.add(block("1.2.3.128/25"), {kUs, {}, {}, 0});
  GeoBuilder builder;
  for (const auto* layer : {&countries, &asns, &places, &overrides}) builder.lay(*layer);
  const auto map = map_of(builder);

  EXPECT_EQ(to_string(map->lookup(ip("1.1.1.1"))), "CN - - -");
  EXPECT_EQ(to_string(map->lookup(ip("1.2.0.1"))), "CN - telecom AS4134") << "the ISP follows from the AS number";
  EXPECT_EQ(to_string(map->lookup(ip("1.3.0.1"))), "CN - other AS64500");
  EXPECT_EQ(to_string(map->lookup(ip("1.2.3.4"))), "CN guangdong unicom AS4134");
  EXPECT_EQ(to_string(map->lookup(ip("1.2.3.200"))), "US - unicom AS4134") << "a province goes with its country";
  EXPECT_EQ(to_string(map->lookup(ip("2.0.0.0"))), "- - - -");
}

TEST(GeoMap, NarrowerBlocksOfOneLayerWinWhateverTheirOrder) {
  Layer layer;
  layer.add(block("10.1.2.0/24"), {{}, Province::kHebei, {}, 0});
  layer.add(block("10.0.0.0/8"), {kChina, Province::kBeijing, Isp::kTelecom, 0});
  layer.add(block("10.1.0.0/16"), {{}, {}, Isp::kMobile, 0});
  layer.add(block("255.255.255.255/32"), {kChina, {}, {}, 0});
  GeoBuilder builder;
  builder.lay(layer);
  const auto map = map_of(builder);
  EXPECT_EQ(to_string(map->lookup(ip("10.1.2.3"))), "CN hebei mobile -");
  EXPECT_EQ(to_string(map->lookup(ip("10.1.3.3"))), "CN beijing mobile -");
  EXPECT_EQ(to_string(map->lookup(ip("10.200.0.0"))), "CN beijing telecom -");
  EXPECT_EQ(to_string(map->lookup(ip("255.255.255.255"))), "CN - - -");
  EXPECT_EQ(to_string(map->lookup(ip("255.255.255.254"))), "- - - -");
}

TEST(GeoMap, LocateGivesTheLargestBlockInsideTheRange) {
  Layer layer;
  layer.add(IpFamily::kV4, ip("10.0.0.0").v4_value(), ip("10.0.2.255").v4_value(), {kChina, {}, {}, 0});
  layer.add(block("2001:db8::/33"), {kChina, {}, {}, 0});
  GeoBuilder builder;
  builder.lay(layer);
  const auto map = map_of(builder);
  EXPECT_EQ(to_string(map->locate(ip("10.0.1.7")).block), "10.0.0.0/23");
  EXPECT_EQ(to_string(map->locate(ip("10.0.2.7")).block), "10.0.2.0/24");
  EXPECT_EQ(to_string(map->locate(ip("10.0.3.7")).block), "10.0.3.0/24");
  EXPECT_EQ(to_string(map->locate(ip("200.0.0.1")).block), "128.0.0.0/1");
  EXPECT_EQ(to_string(map->locate(ip("2001:db8::1")).block), "2001:db8::/33");
  EXPECT_EQ(to_string(map->locate(ip("2001:db8:8000::1")).block), "2001:db8:8000::/33");
}

TEST(GeoMap, AddressesThatCarryIpv4CountAsThatIpv4) {
  Layer layer;
  layer.add(block("192.0.2.0/24"), {kChina, Province::kHunan, {}, 0});
  GeoBuilder builder;
  builder.lay(layer);
  const auto map = map_of(builder);
  for (const auto* text : {"::ffff:192.0.2.1", "::192.0.2.1", "64:ff9b::192.0.2.1", "2002:c000:201::1",
                           "2001:0:4136:e378:8000:63bf:3fff:fdfe"}) {
    EXPECT_EQ(map->lookup(ip(text)).province, Province::kHunan) << text;
  }
  EXPECT_EQ(map->lookup(ip("::1")), GeoInfo{});
}

/// Random blocks of both families against a lookup that searches the list.
TEST(GeoMap, AgreesWithALinearSearch) {
  Random random(7);
  struct Rule {
    IpPrefix block;
    GeoInfo info;
  };
  std::vector<Rule> rules;
  Layer layer;
  for (int i = 0; i < 600; ++i) {
    std::array<std::uint8_t, 16> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
    const bool is_v4 = i % 2 == 0;
    bytes[0] = static_cast<std::uint8_t>(0x20 | (bytes[0] & 0x1f & (i % 8 == 1 ? 0xff : 0x03)));
    const auto address =
        is_v4 ? IpAddress::v4(static_cast<std::uint32_t>(random.next()) & 0x0fffffff) : IpAddress::v6(bytes);
    const auto length =
        static_cast<std::uint8_t>(4 + random.below(static_cast<std::uint64_t>(address.bit_width()) - 3));
    const GeoInfo info{kChina, static_cast<Province>(1 + random.below(34)), Isp::kTelecom,
                       static_cast<std::uint32_t>(i + 1)};
    rules.push_back({{address.masked(length), length}, info});
    layer.add(rules.back().block, info);
  }
  GeoBuilder builder;
  builder.lay(layer);
  const auto map = map_of(builder);
  for (int i = 0; i < 20000; ++i) {
    const auto& near = rules[random.below(rules.size())].block;
    auto bytes = near.address.bytes();
    const auto width = static_cast<std::size_t>(near.address.bit_width() / 8);
    bytes[random.below(width)] ^= static_cast<std::uint8_t>(1 << random.below(8));
    const auto address = near.address.is_v4()
                             ? address_of(IpFamily::kV4, std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                                                             std::uint32_t{bytes[2]} << 8 | bytes[3])
                             : IpAddress::v6(bytes);
    const Rule* best = nullptr;
    for (const auto& rule : rules) {
      if (rule.block.contains(address) && (best == nullptr || rule.block.length >= best->block.length)) best = &rule;
    }
    const auto expected = best == nullptr ? GeoInfo{} : best->info;
    const auto located = map->locate(address);
    EXPECT_EQ(located.info, expected) << to_string(address);
    EXPECT_TRUE(located.block.contains(address));
    if (embedded_v4(address) == address) {
      EXPECT_EQ(map->lookup(address), expected) << to_string(address);
    }
  }
}

TEST(GeoMap, RangesCoverAFamilyWithoutGapsOrEqualNeighbours) {
  Layer layer;
  layer.add(block("10.0.0.0/9"), {kChina, {}, {}, 0});
  layer.add(block("10.128.0.0/9"), {kChina, {}, {}, 0});
  GeoBuilder builder;
  builder.lay(layer);
  std::vector<std::string> seen;
  map_of(builder)->for_each_range(
      IpFamily::kV4, [&](const IpAddress& first, const IpAddress& last, const GeoInfo& info) {
        seen.push_back(to_string(first) + "-" + to_string(last) + " " + to_string(info.country));
      });
  EXPECT_EQ(seen, (std::vector<std::string>{"0.0.0.0-9.255.255.255 ", "10.0.0.0-10.255.255.255 CN",
                                            "11.0.0.0-255.255.255.255 "}));
}

TEST(GeoMap, ADamagedFileIsRefused) {
  GeoBuilder builder;
  Layer layer;
  layer.add(block("10.0.0.0/8"), {kChina, {}, {}, 0});
  builder.lay(layer);
  const auto good = builder.build(1);
  const TempFolder folder;
  const auto path = folder.path() / "geo.yzg";
  for (const auto& bytes : {std::string(), std::string("short"), good.substr(0, 63), good.substr(0, good.size() - 8),
                            good + "x", std::string(good.size(), '\0')}) {
    ASSERT_TRUE(write_file_atomically(path, bytes));
    const auto map = GeoMap::open(path);
    ASSERT_FALSE(map);
    EXPECT_EQ(map.error().code, Code::kCorrupt);
  }
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{9}, std::size_t{33}, std::size_t{60}, std::size_t{90}, good.size() - 1}) {
    auto bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    EXPECT_FALSE(GeoMap::from_bytes(std::move(bytes))) << at;
  }
  ASSERT_TRUE(write_file_atomically(path, good));
  EXPECT_TRUE(GeoMap::open(path));
  EXPECT_EQ(GeoMap::open(folder.path() / "none").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace yz::geo
