#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "geo/sources.h"

namespace yz::geo {
namespace {

tl::unexpected<Error> corrupt(std::string_view why) { return fail(Code::kCorrupt, fmt::format("ipv6wry: {}", why)); }

/// The records of an IPDB file (zxinc's successor of QQWry): a place and a line each, both possibly by pointer.
class Records {
 public:
  Records(std::string_view bytes, std::size_t offset_size) : bytes_(bytes), offset_size_(offset_size) {}

  /// The facts of the record at `offset`. None when a pointer leaves the file, a text has no end, or pointers turn in
  /// a circle.
  [[nodiscard]] std::optional<GeoInfo> facts_at(std::size_t offset) const {
    for (int hops = 0; hops < kMaxHops; ++hops) {
      const auto mode = byte_at(offset);
      if (!mode) return std::nullopt;
      if (*mode != 1) return facts_of_pair(offset, *mode == 2);
      const auto target = pointer_at(offset + 1);
      if (!target) return std::nullopt;
      offset = *target;
    }
    return std::nullopt;
  }

 private:
  static constexpr int kMaxHops = 8;

  [[nodiscard]] std::optional<GeoInfo> facts_of_pair(std::size_t offset, bool is_place_pointed_to) const {
    const auto place = text_at(offset);
    if (!place) return std::nullopt;
    std::size_t line_offset = offset + 1 + offset_size_;
    if (!is_place_pointed_to) line_offset = bytes_.find('\0', offset) + 1;  // text_at() found that end
    const auto line = text_at(line_offset);
    if (!line) return std::nullopt;
    return facts_of(*place, *line);
  }

  static GeoInfo facts_of(std::string_view place, std::string_view line) {
    // "中国\t广东省\t深圳市"; in older rows a space instead of the tab.
    GeoInfo facts;
    if (!place.starts_with("中国")) return facts;
    place.remove_prefix(std::string_view("中国").size());
    const auto start = place.find_first_not_of("\t ");
    if (start != std::string_view::npos) {
      place.remove_prefix(start);
      facts.province = parse_province(place.substr(0, place.find_first_of("\t "))).value_or(Province::kNone);
    }
    facts.country = kChina;
    if (facts.province == Province::kHongkong) facts.country = *Country::parse("HK");
    if (facts.province == Province::kMacau) facts.country = *Country::parse("MO");
    if (facts.province == Province::kTaiwan) facts.country = *Country::parse("TW");
    if (facts.country == kChina) facts.isp = isp_of_description(line);
    return facts;
  }

  [[nodiscard]] std::optional<std::string_view> text_at(std::size_t offset) const {
    for (int hops = 0; hops < kMaxHops; ++hops) {
      const auto mode = byte_at(offset);
      if (!mode) return std::nullopt;
      if (*mode != 1 && *mode != 2) {
        const auto end = bytes_.find('\0', offset);
        if (end == std::string_view::npos) return std::nullopt;
        return bytes_.substr(offset, end - offset);
      }
      const auto target = pointer_at(offset + 1);
      if (!target) return std::nullopt;
      offset = *target;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<unsigned char> byte_at(std::size_t offset) const {
    if (offset >= bytes_.size()) return std::nullopt;
    return static_cast<unsigned char>(bytes_[offset]);
  }
  [[nodiscard]] std::optional<std::size_t> pointer_at(std::size_t offset) const {
    if (offset + offset_size_ > bytes_.size()) return std::nullopt;
    std::uint64_t out = 0;
    std::memcpy(&out, bytes_.data() + offset, offset_size_);
    return out;
  }

  std::string_view bytes_;
  std::size_t offset_size_;
};

std::uint64_t u64_at(std::string_view bytes, std::size_t offset) {
  std::uint64_t out = 0;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return out;
}

}  // namespace

Result<Layer> read_ipv6wry(std::string_view bytes) {
  constexpr std::size_t kHeader = 24;
  if (bytes.size() < kHeader || !bytes.starts_with("IPDB")) return corrupt("no IPDB header");
  const auto offset_size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[6]));
  const auto address_size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[7]));
  const std::uint64_t count = u64_at(bytes, 8);
  const std::uint64_t index = u64_at(bytes, 16);
  if (offset_size < 3 || offset_size > 8 || address_size != 8) return corrupt("unexpected field sizes");
  const std::size_t entry = address_size + offset_size;
  if (index > bytes.size() || count > (bytes.size() - index) / entry) return corrupt("the index lies outside the file");

  Layer layer;
  const Records records(bytes, offset_size);
  std::unordered_map<std::uint64_t, GeoInfo> seen;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t at = index + i * entry;
    const std::uint64_t first = u64_at(bytes, at);
    const bool is_last = i + 1 == count;
    const std::uint64_t next = is_last ? 0 : u64_at(bytes, at + entry);
    if (!is_last && next <= first) return corrupt("the index is not in order");
    std::uint64_t offset = 0;
    std::memcpy(&offset, bytes.data() + at + address_size, offset_size);
    const auto [it, is_new] = seen.try_emplace(offset);
    if (is_new) {
      const auto facts = records.facts_at(offset);
      if (!facts) return corrupt(fmt::format("record {} is broken", i));
      it->second = *facts;
    }
    if (it->second == GeoInfo{}) continue;
    const AddressValue last = is_last ? last_value(IpFamily::kV6) : (AddressValue{next} << 64) - 1;
    layer.add(IpFamily::kV6, AddressValue{first} << 64, last, it->second);
  }
  return layer;
}

}  // namespace yz::geo
