#include <fmt/format.h>

#include "base/text.h"
#include "geo/sources.h"

namespace yz::geo {
namespace {

tl::unexpected<Error> at_line(std::size_t line, std::string_view why) {
  return fail(Code::kInvalid, fmt::format("line {}: {}", line, why));
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (auto rest = line; !rest.empty();) {
    const auto start = rest.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) break;
    const auto end = rest.find_first_of(" \t\r", start);
    out.push_back(rest.substr(start, end == std::string_view::npos ? end : end - start));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  }
  return out;
}

Result<GeoInfo> parse_facts(const std::vector<std::string_view>& words, std::size_t line) {
  GeoInfo facts;
  if (words[1] != "-") {
    const auto country = Country::parse(words[1]);
    if (!country) return at_line(line, fmt::format("'{}' is not a country code of two letters or '-'", words[1]));
    facts.country = *country;
  }
  if (words[2] != "-") {
    const auto province = parse_province(words[2]);
    if (!province) return at_line(line, fmt::format("'{}' is not a province of China or '-'", words[2]));
    facts.province = *province;
  }
  if (words[3] != "-") {
    const auto isp = parse_isp(words[3]);
    if (!isp) return at_line(line, fmt::format("'{}' is not an ISP or '-'", words[3]));
    facts.isp = *isp;
  }
  if (words.size() == 5) {
    auto text = words[4];
    if (text.size() > 2 && equals_ignoring_case(text.substr(0, 2), "as")) text.remove_prefix(2);
    const auto asn = parse_u32(text);
    if (!asn) return at_line(line, fmt::format("'{}' is not an AS number", words[4]));
    facts.asn = *asn;
  }
  return facts;
}

}  // namespace

Result<Layer> read_overrides(std::string_view text) {
  Layer layer;
  std::size_t line_number = 0;
  for (const auto line : split(text, '\n')) {
    ++line_number;
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    if (words.size() < 4 || words.size() > 5)
      return at_line(line_number, "expected CIDR country province isp [AS<number>]");
    const auto block = IpPrefix::parse(words[0]);
    if (!block) return at_line(line_number, block.error().message);
    YZ_TRY(const auto facts, parse_facts(words, line_number));
    layer.add(*block, facts);
  }
  return layer;
}

Result<Layer> read_asn_csv(std::string_view text) {
  Layer layer;
  std::size_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const auto first_comma = line.find(',');
    const auto second_comma = first_comma == std::string_view::npos ? first_comma : line.find(',', first_comma + 1);
    if (second_comma == std::string_view::npos) return at_line(line_number, "expected first,last,asn,name");
    const auto first = IpAddress::parse(line.substr(0, first_comma));
    const auto last = IpAddress::parse(line.substr(first_comma + 1, second_comma - first_comma - 1));
    const auto rest = line.substr(second_comma + 1);
    const auto asn = parse_u32(rest.substr(0, rest.find(',')));
    if (!first || !last || first->family() != last->family() || *first > *last || !asn) {
      return at_line(line_number, "expected first,last,asn,name with two addresses of one family in order");
    }
    if (*asn != 0) layer.add(first->family(), value_of(*first), value_of(*last), GeoInfo{{}, {}, {}, *asn});
  }
  return layer;
}

}  // namespace yz::geo
