#include "geo/region.h"

#include <gtest/gtest.h>

namespace yz::geo {
namespace {

TEST(Region, ProvincesParseInEveryUsualSpelling) {
  const struct {
    const char* text;
    Province province;
  } cases[] = {
      {"guangdong", Province::kGuangdong},
      {"Guang Dong", Province::kGuangdong},
      {"GD", Province::kGuangdong},
      {"CN-GD", Province::kGuangdong},
      {"广东", Province::kGuangdong},
      {"广东省", Province::kGuangdong},
      {"shanxi", Province::kShanxi},
      {"shaanxi", Province::kShaanxi},
      {"sshanxi", Province::kShaanxi},
      {"陕西", Province::kShaanxi},
      {"山西省", Province::kShanxi},
      {"内蒙古自治区", Province::kNeimenggu},
      {"Inner Mongolia", Province::kNeimenggu},
      {"广西壮族自治区", Province::kGuangxi},
      {"北京市", Province::kBeijing},
      {"香港特别行政区", Province::kHongkong},
      {"", Province::kNone},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_province(c.text), c.province) << c.text;
  for (const auto* bad : {"cn", "guang", "东京", "省", "CN-", "XX"}) EXPECT_FALSE(parse_province(bad)) << bad;
}

TEST(Region, EveryProvinceReadsBackItsOwnName) {
  for (std::size_t i = 1; i < kProvinceCount; ++i) {
    const auto province = static_cast<Province>(i);
    EXPECT_EQ(parse_province(to_string(province)), province);
    EXPECT_NE(region_of(province), Region::kNone);
  }
  EXPECT_EQ(province_of_gb_code(51), Province::kSichuan);
  EXPECT_EQ(province_of_gb_code(510100), Province::kSichuan);
  EXPECT_EQ(province_of_gb_code(99), Province::kNone);
}

TEST(Region, IspsParseFromCodesAndChineseNames) {
  for (const auto* text : {"unicom", "cu", "CNC", "联通", "中国联通", "China Unicom"}) {
    EXPECT_EQ(parse_isp(text), Isp::kUnicom) << text;
  }
  EXPECT_EQ(parse_isp("电信"), Isp::kTelecom);
  EXPECT_EQ(parse_isp("铁通"), Isp::kMobile);
  EXPECT_FALSE(parse_isp("nonsense"));
  for (std::size_t i = 0; i < kIspCount; ++i) {
    const auto isp = static_cast<Isp>(i);
    EXPECT_EQ(parse_isp(to_string(isp)), isp);
  }
}

TEST(Region, CountriesAreTwoLetters) {
  EXPECT_EQ(to_string(*Country::parse("cn")), "CN");
  EXPECT_EQ(*Country::parse("CN"), kChina);
  for (const auto* bad : {"", "C", "CHN", "1A", "?!"}) EXPECT_FALSE(Country::parse(bad)) << bad;
  EXPECT_EQ(to_string(Country{}), "");
}

TEST(Region, InfoPrintsWhatIsKnown) {
  EXPECT_EQ(to_string(GeoInfo{kChina, Province::kGuangdong, Isp::kTelecom, 4134}), "CN guangdong telecom AS4134");
  EXPECT_EQ(to_string(GeoInfo{}), "- - - -");
}

}  // namespace
}  // namespace yz::geo
