#include "geo/region.h"

#include <fmt/format.h>

#include "base/text.h"

namespace yz::geo {
namespace {

/// One province: its names in the spellings that DNS providers and address databases use.
struct ProvinceRow {
  Province province;
  Region region;
  std::uint8_t gb_code;
  std::string_view iso;      ///< the letters of ISO 3166-2:CN
  std::string_view name;     ///< ours
  std::string_view chinese;  ///< without 省, 市, 自治区
  std::string_view alias;    ///< one more romanisation, or empty
};

constexpr std::array<ProvinceRow, kProvinceCount - 1> kProvinces = {{
    {Province::kBeijing, Region::kNorth, 11, "bj", "beijing", "北京", "peking"},
    {Province::kTianjin, Region::kNorth, 12, "tj", "tianjin", "天津", ""},
    {Province::kHebei, Region::kNorth, 13, "he", "hebei", "河北", ""},
    {Province::kShanxi, Region::kNorth, 14, "sx", "shanxi", "山西", ""},
    {Province::kNeimenggu, Region::kNorth, 15, "nm", "neimenggu", "内蒙古", "innermongolia"},
    {Province::kLiaoning, Region::kNortheast, 21, "ln", "liaoning", "辽宁", ""},
    {Province::kJilin, Region::kNortheast, 22, "jl", "jilin", "吉林", ""},
    {Province::kHeilongjiang, Region::kNortheast, 23, "hl", "heilongjiang", "黑龙江", ""},
    {Province::kShanghai, Region::kEast, 31, "sh", "shanghai", "上海", ""},
    {Province::kJiangsu, Region::kEast, 32, "js", "jiangsu", "江苏", ""},
    {Province::kZhejiang, Region::kEast, 33, "zj", "zhejiang", "浙江", ""},
    {Province::kAnhui, Region::kEast, 34, "ah", "anhui", "安徽", ""},
    {Province::kFujian, Region::kEast, 35, "fj", "fujian", "福建", ""},
    {Province::kJiangxi, Region::kEast, 36, "jx", "jiangxi", "江西", ""},
    {Province::kShandong, Region::kEast, 37, "sd", "shandong", "山东", ""},
    {Province::kHenan, Region::kCentral, 41, "ha", "henan", "河南", ""},
    {Province::kHubei, Region::kCentral, 42, "hb", "hubei", "湖北", ""},
    {Province::kHunan, Region::kCentral, 43, "hn", "hunan", "湖南", ""},
    {Province::kGuangdong, Region::kSouth, 44, "gd", "guangdong", "广东", "canton"},
    {Province::kGuangxi, Region::kSouth, 45, "gx", "guangxi", "广西", ""},
    {Province::kHainan, Region::kSouth, 46, "hi", "hainan", "海南", ""},
    {Province::kChongqing, Region::kSouthwest, 50, "cq", "chongqing", "重庆", ""},
    {Province::kSichuan, Region::kSouthwest, 51, "sc", "sichuan", "四川", ""},
    {Province::kGuizhou, Region::kSouthwest, 52, "gz", "guizhou", "贵州", ""},
    {Province::kYunnan, Region::kSouthwest, 53, "yn", "yunnan", "云南", ""},
    {Province::kXizang, Region::kSouthwest, 54, "xz", "xizang", "西藏", "tibet"},
    {Province::kShaanxi, Region::kNorthwest, 61, "sn", "shaanxi", "陕西", "sshanxi"},
    {Province::kGansu, Region::kNorthwest, 62, "gs", "gansu", "甘肃", ""},
    {Province::kQinghai, Region::kNorthwest, 63, "qh", "qinghai", "青海", ""},
    {Province::kNingxia, Region::kNorthwest, 64, "nx", "ningxia", "宁夏", ""},
    {Province::kXinjiang, Region::kNorthwest, 65, "xj", "xinjiang", "新疆", ""},
    {Province::kTaiwan, Region::kOutside, 71, "tw", "taiwan", "台湾", ""},
    {Province::kHongkong, Region::kOutside, 81, "hk", "hongkong", "香港", "xianggang"},
    {Province::kMacau, Region::kOutside, 82, "mo", "macau", "澳门", "macao"},
}};

struct IspName {
  std::string_view name;
  Isp isp;
};

constexpr auto kIspNames = std::to_array<IspName>({
    {"telecom", Isp::kTelecom},
    {"ct", Isp::kTelecom},
    {"chinanet", Isp::kTelecom},
    {"chinatelecom", Isp::kTelecom},
    {"电信", Isp::kTelecom},
    {"中国电信", Isp::kTelecom},
    {"unicom", Isp::kUnicom},
    {"cu", Isp::kUnicom},
    {"cnc", Isp::kUnicom},
    {"chinaunicom", Isp::kUnicom},
    {"联通", Isp::kUnicom},
    {"中国联通", Isp::kUnicom},
    {"网通", Isp::kUnicom},
    {"mobile", Isp::kMobile},
    {"cm", Isp::kMobile},
    {"cmcc", Isp::kMobile},
    {"chinamobile", Isp::kMobile},
    {"移动", Isp::kMobile},
    {"中国移动", Isp::kMobile},
    {"铁通", Isp::kMobile},
    {"中国铁通", Isp::kMobile},
    {"中移铁通", Isp::kMobile},
    {"tietong", Isp::kMobile},
    {"cernet", Isp::kCernet},
    {"edu", Isp::kCernet},
    {"教育网", Isp::kCernet},
    {"中国教育网", Isp::kCernet},
    {"cstnet", Isp::kCstnet},
    {"科技网", Isp::kCstnet},
    {"中国科技网", Isp::kCstnet},
    {"drpeng", Isp::kDrpeng},
    {"鹏博士", Isp::kDrpeng},
    {"长城宽带", Isp::kDrpeng},
    {"长宽", Isp::kDrpeng},
    {"catv", Isp::kCatv},
    {"广电", Isp::kCatv},
    {"中国广电", Isp::kCatv},
    {"广电网", Isp::kCatv},
    {"有线电视", Isp::kCatv},
    {"歌华有线", Isp::kCatv},
    {"东方有线", Isp::kCatv},
    {"华数", Isp::kCatv},
    {"天威视讯", Isp::kCatv},
    {"珠江宽频", Isp::kCatv},
    {"btvn", Isp::kCatv},
    {"wasu", Isp::kCatv},
    {"huashu", Isp::kCatv},
    {"ocn", Isp::kCatv},
    {"cloud", Isp::kCloud},
    {"aliyun", Isp::kCloud},
    {"阿里云", Isp::kCloud},
    {"腾讯云", Isp::kCloud},
    {"华为云", Isp::kCloud},
    {"百度云", Isp::kCloud},
    {"阿里巴巴", Isp::kCloud},
    {"腾讯", Isp::kCloud},
    {"华为", Isp::kCloud},
    {"百度", Isp::kCloud},
    {"京东云", Isp::kCloud},
    {"金山云", Isp::kCloud},
    {"亚马逊", Isp::kCloud},
    {"微软", Isp::kCloud},
    {"other", Isp::kOther},
    {"none", Isp::kNone},
    {"-", Isp::kNone},
});

/// Lower case, without spaces, underscores and hyphens: "China Unicom" and "china-unicom" are one spelling.
std::string normalized(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (c != ' ' && c != '_' && c != '-') out.push_back(to_lower(c));
  }
  return out;
}

bool remove_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() <= suffix.size() || !text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

const ProvinceRow* row_of(Province province) {
  const auto index = static_cast<std::size_t>(province);
  return index == 0 || index >= kProvinceCount ? nullptr : &kProvinces[index - 1];
}

}  // namespace

std::optional<Country> Country::parse(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  const auto upper = [](char c) { return static_cast<unsigned>(c >= 'a' && c <= 'z' ? c - 32 : c) & 0xffU; };
  const Country out = from_value(static_cast<std::uint16_t>(upper(text[0]) << 8 | upper(text[1])));
  if (!out.is_known()) return std::nullopt;
  return out;
}

std::string to_string(Country country) {
  if (!country.is_known()) return {};
  return {static_cast<char>(country.value() >> 8), static_cast<char>(country.value() & 0xff)};
}

std::optional<Province> parse_province(std::string_view text) {
  std::string folded = normalized(text);
  if (folded.empty() || folded == "none") return Province::kNone;
  std::string_view name = folded;
  if (name.size() == 4 && name.starts_with("cn")) name.remove_prefix(2);  // "CN-GD", its hyphen gone
  for (const auto* suffix :
       {"特别行政区", "维吾尔自治区", "回族自治区", "壮族自治区", "自治区", "省", "市", "province"}) {
    if (remove_suffix(name, suffix)) break;
  }
  for (const auto& row : kProvinces) {
    if (name == row.name || name == row.iso || name == row.chinese || (!row.alias.empty() && name == row.alias)) {
      return row.province;
    }
  }
  return std::nullopt;
}

std::optional<Isp> parse_isp(std::string_view text) {
  const std::string folded = normalized(text);
  if (folded.empty()) return Isp::kNone;
  for (const auto& row : kIspNames) {
    if (folded == row.name) return row.isp;
  }
  return std::nullopt;
}

Province province_of_gb_code(std::uint32_t code) {
  while (code >= 100) code /= 100;
  for (const auto& row : kProvinces) {
    if (row.gb_code == code) return row.province;
  }
  return Province::kNone;
}

std::string_view to_string(Province province) {
  const auto* row = row_of(province);
  return row == nullptr ? std::string_view{} : row->name;
}

std::string_view to_string(Isp isp) {
  static constexpr std::array<std::string_view, kIspCount> kNames = {"",       "telecom", "unicom", "mobile", "cernet",
                                                                     "cstnet", "drpeng",  "catv",   "cloud",  "other"};
  const auto index = static_cast<std::size_t>(isp);
  return index < kNames.size() ? kNames[index] : std::string_view{};
}

std::string_view to_string(Region region) {
  static constexpr std::array<std::string_view, 9> kNames = {"",      "north",     "northeast", "east",   "central",
                                                             "south", "southwest", "northwest", "outside"};
  const auto index = static_cast<std::size_t>(region);
  return index < kNames.size() ? kNames[index] : std::string_view{};
}

Region region_of(Province province) {
  const auto* row = row_of(province);
  return row == nullptr ? Region::kNone : row->region;
}

std::string to_string(const GeoInfo& info) {
  const auto or_dash = [](std::string_view text) { return text.empty() ? std::string_view("-") : text; };
  return fmt::format("{} {} {} {}", or_dash(to_string(info.country)), or_dash(to_string(info.province)),
                     or_dash(to_string(info.isp)), info.asn == 0 ? std::string("-") : fmt::format("AS{}", info.asn));
}

}  // namespace yz::geo
