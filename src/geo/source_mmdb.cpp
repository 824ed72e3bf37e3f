#include <unordered_map>

#include <fmt/format.h>
#include <maxminddb.h>

#include "base/text.h"
#include "geo/sources.h"

namespace yz::geo {
namespace {

/// Owns an open database.
struct Database {
  MMDB_s mmdb{};
  bool is_open = false;
  ~Database() {
    if (is_open) MMDB_close(&mmdb);
  }
};

template <typename... Path>
std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s& entry, Path... path) {
  MMDB_entry_data_s data{};
  const char* const steps[] = {path..., nullptr};
  if (MMDB_aget_value(&entry, &data, steps) != MMDB_SUCCESS || !data.has_data) return std::nullopt;
  return data;
}

template <typename... Path>
std::string_view text_at(MMDB_entry_s& entry, Path... path) {
  const auto data = value_at(entry, path...);
  if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data->utf8_string, data->data_size};
}

template <typename... Path>
std::uint32_t number_at(MMDB_entry_s& entry, Path... path) {
  const auto data = value_at(entry, path...);
  if (!data) return 0;
  switch (data->type) {
    case MMDB_DATA_TYPE_UINT16:
      return data->uint16;
    case MMDB_DATA_TYPE_UINT32:
      return data->uint32;
    case MMDB_DATA_TYPE_INT32:
      return data->int32 > 0 ? static_cast<std::uint32_t>(data->int32) : 0;
    case MMDB_DATA_TYPE_UINT64:
      return data->uint64 <= UINT32_MAX ? static_cast<std::uint32_t>(data->uint64) : 0;
    case MMDB_DATA_TYPE_UTF8_STRING:
      return parse_u32({data->utf8_string, data->data_size}).value_or(0);
    default:
      return 0;
  }
}

Country country_of(MMDB_entry_s& entry) {
  const std::string_view texts[] = {text_at(entry, "country", "iso_code"), text_at(entry, "country_code"),
                                    text_at(entry, "registered_country", "iso_code"), text_at(entry, "country")};
  for (const auto text : texts) {
    if (text == "中国") return kChina;
    if (const auto country = Country::parse(text)) return *country;
  }
  return {};
}

Province province_of(MMDB_entry_s& entry, Country country) {
  // GeoCN gives GB/T 2260 numbers, GeoIP2 City the letters of ISO 3166-2, other Chinese ones plain names.
  if (const auto code = number_at(entry, "provinceCode"); code != 0) return province_of_gb_code(code);
  if (country.is_known() && country != kChina) {
    if (country == Country::parse("TW")) return Province::kTaiwan;
    if (country == Country::parse("HK")) return Province::kHongkong;
    if (country == Country::parse("MO")) return Province::kMacau;
    return Province::kNone;
  }
  const std::string_view texts[] = {text_at(entry, "subdivisions", "0", "iso_code"), text_at(entry, "province")};
  for (const auto text : texts) {
    if (const auto province = parse_province(text); province && *province != Province::kNone) return *province;
  }
  return Province::kNone;
}

GeoInfo facts_of(MMDB_entry_s& entry) {
  GeoInfo facts;
  facts.country = country_of(entry);
  facts.province = province_of(entry, facts.country);
  facts.asn = number_at(entry, "autonomous_system_number");
  if (facts.asn == 0) facts.asn = number_at(entry, "asn");
  facts.isp = isp_of_description(text_at(entry, "isp"));
  if (!facts.country.is_known() && facts.province != Province::kNone && region_of(facts.province) != Region::kOutside) {
    facts.country = kChina;
  }
  return facts;
}

/// Walks the whole search tree once and adds every data leaf.
class TreeWalk {
 public:
  explicit TreeWalk(MMDB_s& mmdb) : mmdb_(mmdb), is_v6_(mmdb.metadata.ip_version == 6) {}

  Result<Layer> run() {
    if (!is_v6_) {
      YZ_CHECK(visit(0, 0, 0));
      return std::move(layer_);
    }
    // The IPv4 part is at ::/96. Other parts of the tree (::ffff:0:0/96, 2002::/16) may point into the same nodes.
    std::uint64_t node = 0;
    for (int depth = 0; depth < 96 && node < mmdb_.metadata.node_count; ++depth) {
      MMDB_search_node_s found{};
      if (MMDB_read_node(&mmdb_, static_cast<std::uint32_t>(node), &found) != MMDB_SUCCESS) return broken();
      if (found.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE) {
        node = kNoNode;
        break;
      }
      node = found.left_record;
    }
    v4_root_ = node;
    YZ_CHECK(visit(0, 0, 0));
    return std::move(layer_);
  }

 private:
  static constexpr std::uint64_t kNoNode = ~std::uint64_t{0};

  static tl::unexpected<Error> broken() { return fail(Code::kCorrupt, "MMDB: the search tree is broken"); }

  Status visit(std::uint32_t node, AddressValue prefix, int depth) {
    const int width = is_v6_ ? 128 : 32;
    // A tree is as large as its nodes; a file whose nodes point in circles would be walked for ever.
    if (depth >= width || ++visits_ > std::uint64_t{2} * mmdb_.metadata.node_count + 256) return broken();
    if (is_v6_ && node == v4_root_ && !(depth == 96 && prefix == 0)) return {};  // an alias of the IPv4 part
    MMDB_search_node_s found{};
    if (MMDB_read_node(&mmdb_, node, &found) != MMDB_SUCCESS) return broken();
    YZ_CHECK(follow(found.left_record_type, found.left_record, found.left_record_entry, prefix, depth + 1));
    const AddressValue one = AddressValue{1} << (width - 1 - depth);
    return follow(found.right_record_type, found.right_record, found.right_record_entry, prefix | one, depth + 1);
  }

  Status follow(std::uint8_t type, std::uint64_t record, MMDB_entry_s& entry, AddressValue prefix, int depth) {
    switch (type) {
      case MMDB_RECORD_TYPE_SEARCH_NODE:
        return visit(static_cast<std::uint32_t>(record), prefix, depth);
      case MMDB_RECORD_TYPE_DATA:
        add(entry, prefix, depth);
        return {};
      case MMDB_RECORD_TYPE_EMPTY:
        return {};
      default:
        return broken();
    }
  }

  void add(MMDB_entry_s& entry, AddressValue prefix, int depth) {
    const auto [it, is_new] = facts_.try_emplace(entry.offset);
    if (is_new) it->second = facts_of(entry);
    if (it->second == GeoInfo{}) return;
    const bool is_v4 = !is_v6_ || (depth >= 96 && prefix >> 32 == 0);
    const int host_bits = is_v6_ ? 128 - depth : 32 - depth;
    const AddressValue size = host_bits == 128 ? ~AddressValue{0} : (AddressValue{1} << host_bits) - 1;
    layer_.add(is_v4 ? IpFamily::kV4 : IpFamily::kV6, prefix, prefix | size, it->second);
  }

  MMDB_s& mmdb_;
  bool is_v6_;
  std::uint64_t v4_root_ = kNoNode;
  std::uint64_t visits_ = 0;
  std::unordered_map<std::uint32_t, GeoInfo> facts_;
  Layer layer_;
};

}  // namespace

Result<Layer> read_mmdb(const std::filesystem::path& path) {
  Database database;
  const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &database.mmdb);
  if (status != MMDB_SUCCESS) {
    return fail(status == MMDB_FILE_OPEN_ERROR ? Code::kNotFound : Code::kCorrupt,
                fmt::format("{}: {}", path.string(), MMDB_strerror(status)));
  }
  database.is_open = true;
  auto layer = TreeWalk(database.mmdb).run();
  if (!layer) return fail(std::move(layer).error().with_context(path.string()));
  return layer;
}

}  // namespace yz::geo
