#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "geo/geo_builder.h"

/// Readers of the address databases that the builder lays over each other. Each turns a file into a Layer; none keeps
/// anything. A malformed file fails with kCorrupt (binary) or kInvalid (text, with the line), never with half a layer.
namespace yz::geo {

/// ip2region for IPv4, told apart by content: version 1 `.db` (b-tree index), version 2 `.xdb`, or the text they are
/// made from ("first|last|country|[region|]province|city|isp"). Only what it says about China is taken: its names of
/// other countries are no codes.
[[nodiscard]] Result<Layer> read_ip2region(std::string_view bytes);

/// The IPDB file of the IPv6 side of ip2region (zxinc "ipv6wry"): first halves of addresses, place and line as text.
[[nodiscard]] Result<Layer> read_ipv6wry(std::string_view bytes);

/// An MMDB: country (GeoLite2/GeoIP2 Country and City, or a flat `country_code`), ASN and ISP (GeoLite2-ASN,
/// GeoIP2-ISP), and GeoCN (`provinceCode`, `province`, `isp`). All fields that a record has are taken.
[[nodiscard]] Result<Layer> read_mmdb(const std::filesystem::path& path);

/// "first,last,asn,name" lines, addresses in text form of either family.
[[nodiscard]] Result<Layer> read_asn_csv(std::string_view text);

/// An operator's overrides, a line each: `CIDR country province isp [AS<number>]`, "-" for what stays as it is below,
/// "#" starts a comment. Narrower blocks win over wider ones whatever their order.
[[nodiscard]] Result<Layer> read_overrides(std::string_view text);

/// The ISP that a free description names ("中国电信公众宽带", "China Unicom Beijing"); kNone when none is recognised.
[[nodiscard]] Isp isp_of_description(std::string_view text);

}  // namespace yz::geo
