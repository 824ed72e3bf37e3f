#include <array>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "geo/sources.h"

namespace yz::geo {
namespace {

tl::unexpected<Error> corrupt(std::string_view why) { return fail(Code::kCorrupt, fmt::format("ip2region: {}", why)); }

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t out = 0;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

/// The facts of "country|[region|]province|city|isp"; all unknown for places outside China.
GeoInfo facts_of_place(std::string_view place) {
  const auto fields = split(place, '|');
  if (fields.size() < 4 || fields[0] != "中国") return {};
  GeoInfo facts;
  const auto province = fields.size() == 4 ? fields[1] : fields[2];
  facts.province = parse_province(province).value_or(Province::kNone);
  switch (facts.province) {
    case Province::kHongkong:
      facts.country = *Country::parse("HK");
      break;
    case Province::kMacau:
      facts.country = *Country::parse("MO");
      break;
    case Province::kTaiwan:
      facts.country = *Country::parse("TW");
      break;
    default:
      facts.country = kChina;
      facts.isp = isp_of_description(fields.back());
  }
  return facts;
}

/// Decodes each distinct place once: a file has many ranges and few places.
class PlaceFacts {
 public:
  const GeoInfo& of(std::string_view place) {
    const auto [it, is_new] = facts_.try_emplace(place);
    if (is_new) it->second = facts_of_place(place);
    return it->second;
  }

 private:
  std::unordered_map<std::string_view, GeoInfo> facts_;
};

void add_if_known(Layer& layer, std::uint32_t first, std::uint32_t last, const GeoInfo& facts) {
  if (facts != GeoInfo{}) layer.add(IpFamily::kV4, first, last, facts);
}

/// Version 1: two pointers to the first and last index entry; entries {first, last, length << 24 | offset}; the data is
/// a city number of four bytes and the text.
Result<Layer> read_v1(std::string_view bytes) {
  constexpr std::size_t kEntry = 12;
  const std::size_t first_entry = u32_at(bytes, 0);
  const std::size_t last_entry = u32_at(bytes, 4);
  if (first_entry > last_entry || last_entry + kEntry > bytes.size() || (last_entry - first_entry) % kEntry != 0) {
    return corrupt("the index lies outside the file");
  }
  Layer layer;
  PlaceFacts places;
  for (std::size_t at = first_entry; at <= last_entry; at += kEntry) {
    const std::uint32_t first = u32_at(bytes, at);
    const std::uint32_t last = u32_at(bytes, at + 4);
    const std::uint32_t pointer = u32_at(bytes, at + 8);
    const std::size_t offset = pointer & 0xffffff;
    const std::size_t length = pointer >> 24;
    if (first > last || length < 4 || offset + length > bytes.size()) return corrupt("a broken index entry");
    add_if_known(layer, first, last, places.of(bytes.substr(offset + 4, length - 4)));
  }
  return layer;
}

/// Version 2 (.xdb): header of 256 bytes with the pointers to the first and last segment at 8 and 12; segments
/// {first u32, last u32, length u16, offset u32}.
Result<Layer> read_v2(std::string_view bytes) {
  constexpr std::size_t kEntry = 14;
  const std::size_t first_entry = u32_at(bytes, 8);
  const std::size_t last_entry = u32_at(bytes, 12);
  if (first_entry > last_entry || last_entry + kEntry > bytes.size() || (last_entry - first_entry) % kEntry != 0) {
    return corrupt("the segment index lies outside the file");
  }
  Layer layer;
  PlaceFacts places;
  for (std::size_t at = first_entry; at <= last_entry; at += kEntry) {
    const std::uint32_t first = u32_at(bytes, at);
    const std::uint32_t last = u32_at(bytes, at + 4);
    std::uint16_t length = 0;
    std::memcpy(&length, bytes.data() + at + 8, sizeof length);
    const std::size_t offset = u32_at(bytes, at + 10);
    if (first > last || offset + length > bytes.size()) return corrupt("a broken segment");
    add_if_known(layer, first, last, places.of(bytes.substr(offset, length)));
  }
  return layer;
}

Result<Layer> read_text(std::string_view bytes) {
  Layer layer;
  PlaceFacts places;
  std::size_t line_number = 0;
  for (const auto raw_line : split(bytes, '\n')) {
    ++line_number;
    const auto line = trim(raw_line);
    if (line.empty() || line.front() == '#') continue;
    const auto first_bar = line.find('|');
    const auto second_bar = first_bar == std::string_view::npos ? first_bar : line.find('|', first_bar + 1);
    if (second_bar == std::string_view::npos) {
      return fail(Code::kInvalid, fmt::format("ip2region: line {}: expected first|last|place", line_number));
    }
    const auto first = IpAddress::parse(line.substr(0, first_bar));
    const auto last = IpAddress::parse(line.substr(first_bar + 1, second_bar - first_bar - 1));
    if (!first || !last || !first->is_v4() || !last->is_v4() || *first > *last) {
      return fail(Code::kInvalid, fmt::format("ip2region: line {}: not an IPv4 range", line_number));
    }
    add_if_known(layer, first->v4_value(), last->v4_value(), places.of(line.substr(second_bar + 1)));
  }
  return layer;
}

}  // namespace

Result<Layer> read_ip2region(std::string_view bytes) {
  if (bytes.size() < 256) {
    if (bytes.find('|') == std::string_view::npos) return corrupt("shorter than any header");
    return read_text(bytes);
  }
  // Text starts with a digit or a comment and holds no zero byte near its start; .xdb starts with its version, 2 or 3.
  if (bytes.substr(0, 256).find('\0') == std::string_view::npos) return read_text(bytes);
  const auto version = static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1]) << 8;
  const bool is_xdb = (version == 2 || version == 3) && u32_at(bytes, 8) >= 256 && u32_at(bytes, 12) < bytes.size() &&
                      u32_at(bytes, 0) >> 16 == 1;
  return is_xdb ? read_v2(bytes) : read_v1(bytes);
}

Isp isp_of_description(std::string_view text) {
  text = trim(text);
  if (text.empty() || text == "0") return Isp::kNone;
  if (const auto exact = parse_isp(text)) return *exact;
  struct Hint {
    std::string_view part;
    Isp isp;
  };
  static constexpr auto kHints = std::to_array<Hint>({
      {"CERNET", Isp::kCernet},
      {"教育网", Isp::kCernet},
      {"CSTNET", Isp::kCstnet},
      {"中国科技网", Isp::kCstnet},
      {"中国科学院", Isp::kCstnet},
      {"云计算", Isp::kCloud},
      {"中国电信", Isp::kTelecom},
      {"中国联通", Isp::kUnicom},
      {"中国移动", Isp::kMobile},
      {"铁通", Isp::kMobile},
      {"China Telecom", Isp::kTelecom},
      {"CHINANET", Isp::kTelecom},
      {"Chinanet", Isp::kTelecom},
      {"China Unicom", Isp::kUnicom},
      {"CHINA UNICOM", Isp::kUnicom},
      {"China Mobile", Isp::kMobile},
      {"鹏博士", Isp::kDrpeng},
      {"长城宽带", Isp::kDrpeng},
      {"广电", Isp::kCatv},
      {"广播电视", Isp::kCatv},
      {"有线", Isp::kCatv},
      {"华数", Isp::kCatv},
      {"天威", Isp::kCatv},
      {"歌华", Isp::kCatv},
      {"阿里", Isp::kCloud},
      {"腾讯", Isp::kCloud},
      {"华为", Isp::kCloud},
      {"百度", Isp::kCloud},
      {"亚马逊", Isp::kCloud},
      {"Alibaba", Isp::kCloud},
      {"Tencent", Isp::kCloud},
      {"Amazon", Isp::kCloud},
      {"Microsoft", Isp::kCloud},
  });
  for (const auto& hint : kHints) {
    if (text.find(hint.part) != std::string_view::npos) return hint.isp;
  }
  return Isp::kNone;
}

}  // namespace yz::geo
