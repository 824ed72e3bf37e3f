#include "geo/geo_builder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/hash.h"
#include "base/result.h"
#include "geo/asn_isp.h"
#include "geo/geo_format.h"

namespace yz::geo {
namespace {

bool may_hold_provinces(Country country) {
  const auto text = to_string(country);
  return !country.is_known() || country == kChina || text == "TW" || text == "HK" || text == "MO";
}

template <typename T>
void append_section(std::string& out, std::uint32_t& offset, const std::vector<T>& records) {
  out.resize((out.size() + 7) / 8 * 8);
  offset = static_cast<std::uint32_t>(out.size());
  out.append(reinterpret_cast<const char*>(records.data()), records.size() * sizeof(T));
}

/// For each key the last range that starts at or before the key's first address; `key_first` ascending.
template <typename Ranges, typename FirstOf, typename KeyFirst>
std::vector<std::uint32_t> make_index(const Ranges& ranges, std::uint32_t size, FirstOf first_of, KeyFirst key_first) {
  std::vector<std::uint32_t> index(size);
  std::uint32_t at = 0;
  for (std::uint32_t key = 0; key < size; ++key) {
    while (at + 1 < ranges.size() && first_of(ranges[at + 1]) <= key_first(key)) ++at;
    index[key] = at;
  }
  return index;
}

}  // namespace

GeoInfo overlay(const GeoInfo& below, const GeoInfo& above) {
  GeoInfo out = below;
  if (above.country.is_known()) out.country = above.country;
  if (above.province != Province::kNone) out.province = above.province;
  if (above.isp != Isp::kNone) out.isp = above.isp;
  if (above.asn != 0) out.asn = above.asn;
  if (!may_hold_provinces(out.country)) out.province = Province::kNone;
  return out;
}

void Layer::add(IpFamily family, AddressValue first, AddressValue last, const GeoInfo& facts) {
  YZ_ASSERT(first <= last && last <= last_value(family));
  (family == IpFamily::kV4 ? v4_ : v6_).push_back({first, last, facts});
}

void Layer::add(const IpPrefix& block, const GeoInfo& facts) {
  add(block.address.family(), value_of(block.address), last_value(block), facts);
}

std::vector<Layer::Range> Layer::flattened(IpFamily family) const {
  const auto& ranges = family == IpFamily::kV4 ? v4_ : v6_;
  std::vector<std::uint32_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&ranges](std::uint32_t a, std::uint32_t b) {
    if (ranges[a].first != ranges[b].first) return ranges[a].first < ranges[b].first;
    return ranges[a].last != ranges[b].last ? ranges[a].last > ranges[b].last : a < b;
  });
  std::vector<Range> out;
  out.reserve(ranges.size());
  std::vector<Range> open;  // outermost first
  AddressValue cursor = 0;
  bool is_done = false;  // the cursor would stand past the family's last address
  const auto emit_until = [&](AddressValue last) {
    if (!is_done && cursor <= last) out.push_back({cursor, last, open.back().facts});
    if (is_done || cursor > last) return;
    is_done = last == last_value(family);
    cursor = last + 1;
  };
  for (const auto index : order) {
    const Range& range = ranges[index];
    while (!open.empty() && open.back().last < range.first) {
      emit_until(open.back().last);
      open.pop_back();
    }
    if (!open.empty() && cursor < range.first) emit_until(range.first - 1);
    cursor = range.first;
    open.push_back(range);
    if (open.size() > 1) open.back().facts = overlay(open[open.size() - 2].facts, range.facts);
  }
  for (; !open.empty(); open.pop_back()) emit_until(open.back().last);
  return out;
}

GeoBuilder::GeoBuilder() : v4_{{0, {}}}, v6_{{0, {}}} {}

void GeoBuilder::lay(const Layer& layer) {
  v4_ = overlaid(v4_, layer.flattened(IpFamily::kV4), IpFamily::kV4);
  v6_ = overlaid(v6_, layer.flattened(IpFamily::kV6), IpFamily::kV6);
}

std::vector<GeoBuilder::Cut> GeoBuilder::overlaid(const std::vector<Cut>& base, const std::vector<Layer::Range>& layer,
                                                  IpFamily family) {
  std::vector<Cut> out;
  out.reserve(base.size() + 2 * layer.size());
  std::size_t at = 0;  // the base cut that holds the position
  const auto emit = [&out](AddressValue first, const GeoInfo& info) {
    if (out.empty() || out.back().info != info) out.push_back({first, info});
  };
  /// Copies the base from `first` to `last`, with `facts` over it.
  const auto copy = [&](AddressValue first, AddressValue last, const GeoInfo& facts) {
    while (at + 1 < base.size() && base[at + 1].first <= first) ++at;
    emit(first, overlay(base[at].info, facts));
    while (at + 1 < base.size() && base[at + 1].first <= last) {
      ++at;
      emit(base[at].first, overlay(base[at].info, facts));
    }
  };
  AddressValue position = 0;
  for (const auto& range : layer) {
    if (position < range.first) copy(position, range.first - 1, {});
    copy(range.first, range.last, range.facts);
    if (range.last == last_value(family)) return out;
    position = range.last + 1;
  }
  copy(position, last_value(family), {});
  return out;
}

std::vector<GeoBuilder::Cut> GeoBuilder::finished(const std::vector<Cut>& cuts) {
  std::vector<Cut> out;
  out.reserve(cuts.size());
  for (auto cut : cuts) {
    if (cut.info.isp == Isp::kNone && cut.info.asn != 0) {
      cut.info.isp = isp_of_asn(cut.info.asn);
      if (cut.info.isp == Isp::kNone && cut.info.country == kChina) cut.info.isp = Isp::kOther;
    }
    if (out.empty() || out.back().info != cut.info) out.push_back(cut);
  }
  return out;
}

std::string GeoBuilder::build(std::uint64_t built_at) const {
  std::vector<format::V4Range> v4;
  for (const auto& cut : finished(v4_)) {
    v4.push_back({static_cast<std::uint32_t>(cut.first), cut.info});
  }
  std::vector<format::V6Range> v6;
  for (const auto& cut : finished(v6_)) {
    v6.push_back({static_cast<std::uint64_t>(cut.first >> 64), static_cast<std::uint64_t>(cut.first), cut.info});
  }
  const auto v4_index = make_index(
      v4, format::kV4IndexSize, [](const format::V4Range& r) { return std::uint64_t{r.first}; },
      [](std::uint32_t key) {
        return std::min<std::uint64_t>(std::uint64_t{key} << format::kV4IndexShift, 0xffffffff);
      });
  const auto v6_index = make_index(
      v6, format::kV6IndexSize, [](const format::V6Range& r) { return AddressValue{r.first_high} << 64 | r.first_low; },
      [](std::uint32_t key) {
        return AddressValue{format::kV6IndexFirst + (std::uint64_t{key} << format::kV6IndexShift)} << 64;
      });

  format::Header header{};
  header.magic = format::kMagic;
  header.version = format::kVersion;
  header.header_size = sizeof header;
  header.built_at = built_at;
  header.v4_count = static_cast<std::uint32_t>(v4.size());
  header.v6_count = static_cast<std::uint32_t>(v6.size());
  std::string out(sizeof header, '\0');
  append_section(out, header.v4_index_offset, v4_index);
  append_section(out, header.v4_offset, v4);
  append_section(out, header.v6_index_offset, v6_index);
  append_section(out, header.v6_offset, v6);
  header.file_size = out.size();
  header.body_crc = crc32c(std::string_view(out).substr(sizeof header));
  header.header_crc = crc32c({reinterpret_cast<const char*>(&header), offsetof(format::Header, header_crc)});
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

}  // namespace yz::geo
