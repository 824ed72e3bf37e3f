#include "geo/sources.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/file.h"
#include "geo/build_command.h"
#include "geo/geo_map.h"

namespace yz::geo {
namespace {

std::string look_up(const Layer& layer, std::string_view address) {
  GeoBuilder builder;
  builder.lay(layer);
  return to_string((*GeoMap::from_bytes(builder.build(0)))->lookup(*IpAddress::parse(address)));
}

/// Two ranges in the layout of ip2region's version 1 file.
std::string ip2region_v1() {
  std::string data;
  ByteWriter w(data);
  const std::string places[] = {"中国|0|广东省|深圳市|电信", "美国|0|0|0|0"};
  std::uint32_t pointers[2];
  w.u32(0);
  w.u32(0);
  w.raw(std::string(300, '\0'));
  for (int i = 0; i < 2; ++i) {
    pointers[i] = static_cast<std::uint32_t>(data.size()) | static_cast<std::uint32_t>(places[i].size() + 4) << 24;
    w.u32(7);
    w.raw(places[i]);
  }
  const auto first = static_cast<std::uint32_t>(data.size());
  w.u32(0x01000000), w.u32(0x0100ffff), w.u32(pointers[0]);
  w.u32(0x01010000), w.u32(0x0101ffff), w.u32(pointers[1]);
  std::string head;
  ByteWriter h(head);
  h.u32(first), h.u32(first + 12);
  return data.replace(0, 8, head);
}

std::string ip2region_xdb() {
  std::string data;
  ByteWriter w(data);
  w.u16(2), w.u16(1), w.u32(0), w.u32(0), w.u32(0);
  w.raw(std::string(240 + 512, '\0'));
  const std::string place = "中国|0|北京|北京市|联通";
  const auto at = static_cast<std::uint32_t>(data.size());
  w.raw(place);
  const auto segment = static_cast<std::uint32_t>(data.size());
  w.u32(0x01000000), w.u32(0x010000ff), w.u16(static_cast<std::uint16_t>(place.size())), w.u32(at);
  std::string pointers;
  ByteWriter p(pointers);
  p.u32(segment), p.u32(segment);
  return data.replace(8, 8, pointers);
}

TEST(Sources, Ip2regionIsReadInAllThreeForms) {
  auto v1 = read_ip2region(ip2region_v1());
  ASSERT_TRUE(v1) << v1.error().message;
  EXPECT_EQ(look_up(*v1, "1.0.3.4"), "CN guangdong telecom -");
  EXPECT_EQ(look_up(*v1, "1.1.3.4"), "- - - -") << "names of other countries are no codes";

  auto xdb = read_ip2region(ip2region_xdb());
  ASSERT_TRUE(xdb) << xdb.error().message;
  EXPECT_EQ(look_up(*xdb, "1.0.0.4"), "CN beijing unicom -");

  auto text = read_ip2region("1.0.0.0|1.0.0.255|中国|0|香港|0|电讯盈科\n1.0.1.0|1.0.1.255|中国|0|四川省|0|移动\n");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(look_up(*text, "1.0.0.4"), "HK hongkong - -");
  EXPECT_EQ(look_up(*text, "1.0.1.4"), "CN sichuan mobile -");
}

TEST(Sources, BrokenIp2regionIsRefusedWhole) {
  const auto good = ip2region_v1();
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{255}, good.size() - 1, good.size() - 12}) {
    EXPECT_FALSE(read_ip2region(std::string_view(good).substr(0, size))) << size;
  }
  EXPECT_TRUE(read_ip2region("1.0.0.0|1.0.0.255|中国|0|北京|0|0"));
  EXPECT_EQ(read_ip2region("1.0.0.0|1.0.0.255|中国|0|北京|0|0\n1.0.0.9|1.0.0.1|x|y").error().message,
            "ip2region: line 2: not an IPv4 range");
}

/// Three records: nothing, a plain pair, a pair whose place is a pointer.
std::string ipdb() {
  std::string data = "IPDB";
  ByteWriter w(data);
  w.u16(1), w.u8(3), w.u8(8);
  w.u64(4);
  const auto index_at = data.size();
  w.u64(0);
  const auto offset24 = [&w](std::size_t value) { w.u16(static_cast<std::uint16_t>(value)), w.u8(0); };
  const auto nothing = data.size();
  w.raw(std::string("IANA\0\0", 6));
  const auto plain = data.size();
  w.raw(std::string("中国\t广东省\t深圳市\0", 27) + std::string("中国电信公众宽带\0", 25));
  const auto pointed = data.size();
  w.u8(2), offset24(plain), w.raw(std::string("中国移动IDC\0", 16));
  const auto jump = data.size();
  w.u8(1), offset24(pointed);
  const auto index = data.size();
  const std::pair<std::uint64_t, std::size_t> rows[] = {
      {0, nothing}, {0x240e000000000000, plain}, {0x240e000100000000, jump}, {0x240f000000000000, nothing}};
  for (const auto& [first, offset] : rows) w.u64(first), offset24(offset);
  std::string at;
  ByteWriter(at).u64(index);
  return data.replace(index_at, 8, at);
}

TEST(Sources, Ipv6wryFollowsItsPointers) {
  auto layer = read_ipv6wry(ipdb());
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(look_up(*layer, "240e::1"), "CN guangdong telecom -");
  EXPECT_EQ(look_up(*layer, "240e:1:2::1"), "CN guangdong mobile -");
  EXPECT_EQ(look_up(*layer, "240f::1"), "- - - -");
  const auto good = ipdb();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_ipv6wry(std::string_view(good).substr(0, size))) << size;
  }
}

TEST(Sources, AsnListsAndOverridesNameTheBadLine) {
  auto asns = read_asn_csv(
      "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n240e::,240e:ffff:ffff:ffff:ffff:ffff:ffff:ffff,4134,x\n");
  ASSERT_TRUE(asns) << asns.error().message;
  EXPECT_EQ(look_up(*asns, "1.0.0.7"), "- - - AS13335");
  EXPECT_EQ(look_up(*asns, "240e::7"), "- - telecom AS4134");
  EXPECT_EQ(read_asn_csv("1.0.0.0,1.0.0.255,1,x\n1.0.0.0,::1,1,x").error().message.substr(0, 7), "line 2:");

  auto overrides =
      read_overrides("# ours\n127.0.1.0/24 CN 北京 联通\n\n127.0.2.0/24 CN guangdong telecom AS4134 # x\n");
  ASSERT_TRUE(overrides) << overrides.error().message;
  EXPECT_EQ(look_up(*overrides, "127.0.1.9"), "CN beijing unicom -");
  EXPECT_EQ(look_up(*overrides, "127.0.2.9"), "CN guangdong telecom AS4134");
  const struct {
    const char* text;
    const char* message;
  } bad[] = {
      {"10.0.0.0/8 CN beijing", "line 1: expected CIDR country province isp [AS<number>]"},
      {"\n10.0.0.1/8 CN - -", "line 2: '10.0.0.1/8' has bits set past its length of 8"},
      {"10.0.0.0/8 China - -", "line 1: 'China' is not a country code of two letters or '-'"},
      {"10.0.0.0/8 CN tokyo -", "line 1: 'tokyo' is not a province of China or '-'"},
      {"10.0.0.0/8 CN - xx", "line 1: 'xx' is not an ISP or '-'"},
      {"10.0.0.0/8 CN - - ASx", "line 1: 'ASx' is not an AS number"},
  };
  for (const auto& c : bad) EXPECT_EQ(read_overrides(c.text).error().message, c.message);
}

/// A writer of small MMDBs (MaxMind DB format 2.0, 24-bit records) from (bits, record) leaves.
class MmdbWriter {
 public:
  explicit MmdbWriter(int ip_version) : width_(ip_version == 6 ? 128 : 32), nodes_(1) {}

  void add(const IpPrefix& block, std::string_view record) {
    const auto offset = data_.size();
    data_.append(record);
    const int skip = width_ - block.address.bit_width();  // IPv4 in an IPv6 tree lies at ::/96
    std::size_t node = 0;
    const int depth = skip + block.length;
    for (int i = 0; i < depth; ++i) {
      const bool bit = i >= skip && block.address.bit(i - skip);
      auto& child = nodes_[node][bit ? 1 : 0];
      if (i + 1 == depth) {
        child = -static_cast<long>(offset) - 1;
      } else {
        if (child == 0) {
          child = static_cast<long>(nodes_.size());
          nodes_.push_back({0, 0});
          node = nodes_.size() - 1;
        } else {
          node = static_cast<std::size_t>(child);
        }
      }
    }
  }
  /// Makes one more path lead to the node at ::/96, as real databases do.
  void alias_v4_at_2002() { alias_ = true; }

  [[nodiscard]] std::string bytes() {
    if (alias_) add_alias();
    std::string out;
    for (const auto& node : nodes_) {
      for (const long child : node) {
        const auto value = static_cast<std::uint32_t>(child == 0  ? static_cast<long>(nodes_.size())
                                                      : child > 0 ? child
                                                                  : static_cast<long>(nodes_.size()) + 16 - child - 1);
        for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
      }
    }
    out.append(16, '\0');
    out += data_;
    out += "\xab\xcd\xefMaxMind.com";
    out += map(9);
    out += text("binary_format_major_version") + u16(2) + text("binary_format_minor_version") + u16(0);
    out += text("build_epoch") + std::string("\x04\x02\x65\x00\x00\x00", 6);
    out += text("database_type") + text("test") + text("description") + map(0);
    out += text("ip_version") + u16(width_ == 128 ? 6 : 4) + text("languages") + std::string("\x00\x04", 2);
    out += text("node_count") + u32(static_cast<std::uint32_t>(nodes_.size())) + text("record_size") + u16(24);
    return out;
  }

  static std::string map(int pairs) { return {static_cast<char>(7 << 5 | pairs)}; }
  static std::string text(std::string_view value) {
    std::string out(1, static_cast<char>(2 << 5 | (value.size() < 29 ? value.size() : 29)));
    if (value.size() >= 29) out.push_back(static_cast<char>(value.size() - 29));
    return out.append(value);
  }
  static std::string u16(int value) { return {'\xa2', static_cast<char>(value >> 8), static_cast<char>(value)}; }
  static std::string u32(std::uint32_t value) {
    return {'\xc4', static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
  }

 private:
  void add_alias() {
    std::size_t v4 = 0;
    for (int i = 0; i < 96; ++i) v4 = static_cast<std::size_t>(nodes_[v4][0]);
    std::size_t node = 0;
    for (int i = 0; i < 16; ++i) {
      const std::size_t bit = 0x2002 >> (15 - i) & 1;
      if (i == 15) {
        nodes_[node][bit] = static_cast<long>(v4);
        return;
      }
      if (nodes_[node][bit] == 0) {
        nodes_[node][bit] = static_cast<long>(nodes_.size());
        nodes_.push_back({0, 0});
      }
      node = static_cast<std::size_t>(nodes_[node][bit]);
    }
  }

  int width_;
  bool alias_ = false;
  std::vector<std::array<long, 2>> nodes_;
  std::string data_;
};

TEST(Sources, MmdbsOfEveryLayoutAreRead) {
  using W = MmdbWriter;
  MmdbWriter writer(6);
  writer.add(*IpPrefix::parse("1.0.0.0/8"), W::map(1) + W::text("country_code") + W::text("AU"));
  writer.add(*IpPrefix::parse("2.0.0.0/8"),
             W::map(1) + W::text("country") + W::map(1) + W::text("iso_code") + W::text("DE"));
  writer.add(*IpPrefix::parse("3.0.0.0/16"),
             W::map(2) + W::text("provinceCode") + W::u16(51) + W::text("isp") + W::text("中国移动"));
  writer.add(*IpPrefix::parse("4.0.0.0/16"), W::map(1) + W::text("autonomous_system_number") + W::u32(4837));
  writer.add(*IpPrefix::parse("5.0.0.0/24"),
             W::map(2) + W::text("country") + W::text("中国") + W::text("province") + W::text("陕西省"));
  writer.add(*IpPrefix::parse("240e::/20"), W::map(1) + W::text("country_code") + W::text("CN"));
  writer.alias_v4_at_2002();
  const TempFolder folder;
  const auto path = folder.path() / "x.mmdb";
  ASSERT_TRUE(write_file_atomically(path, writer.bytes()));
  auto layer = read_mmdb(path);
  ASSERT_TRUE(layer) << layer.error().message;
  EXPECT_EQ(layer->size(), 6U) << "aliases are not walked again";
  EXPECT_EQ(look_up(*layer, "1.2.3.4"), "AU - - -");
  EXPECT_EQ(look_up(*layer, "2.2.3.4"), "DE - - -");
  EXPECT_EQ(look_up(*layer, "3.0.3.4"), "CN sichuan mobile -");
  EXPECT_EQ(look_up(*layer, "4.0.3.4"), "- - unicom AS4837");
  EXPECT_EQ(look_up(*layer, "5.0.0.4"), "CN shaanxi - -");
  EXPECT_EQ(look_up(*layer, "240e::1"), "CN - - -");
}

TEST(Sources, AFileThatIsNoMmdbIsRefused) {
  const TempFolder folder;
  const auto path = folder.path() / "x.mmdb";
  ASSERT_TRUE(write_file_atomically(path, "nothing of the kind"));
  EXPECT_EQ(read_mmdb(path).error().code, Code::kCorrupt);
  EXPECT_EQ(read_mmdb(folder.path() / "none").error().code, Code::kNotFound);
}

TEST(BuildCommand, BuildsAMapAndKeepsTheOldOneOnABadSource) {
  const TempFolder folder;
  BuildPlan plan;
  plan.out = folder.path() / "geo.yzg";
  plan.ip2region = {folder.path() / "v4.db"};
  plan.overrides = {folder.path() / "ours"};
  ASSERT_TRUE(write_file_atomically(plan.ip2region[0], ip2region_v1()));
  ASSERT_TRUE(write_file_atomically(plan.overrides[0], "127.0.1.0/24 CN beijing unicom\n"));
  const auto report = build_map(plan, 42);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->lines.size(), 2U);
  ASSERT_TRUE(write_file_atomically(plan.overrides[0], "127.0.1.0/24 oops\n"));
  const auto failed = build_map(plan, 43);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("ours: line 1"), std::string::npos) << failed.error().message;
  const auto map = GeoMap::open(plan.out);
  ASSERT_TRUE(map);
  EXPECT_EQ((*map)->built_at(), 42U);
  EXPECT_EQ(to_string((*map)->lookup(*IpAddress::parse("127.0.1.1"))), "CN beijing unicom -");
}

}  // namespace
}  // namespace yz::geo
