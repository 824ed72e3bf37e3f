#include <cstring>

#include "base/hash.h"
#include "geo/geo_builder.h"
#include "geo/geo_format.h"
#include "geo/geo_map.h"

/// Damages a valid map where the input says, with right checksums, and uses whatever still opens.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz;
  using namespace yz::geo;
  static const std::string kGood = [] {
    Layer layer;
    layer.add(*IpPrefix::parse("10.0.0.0/8"), {kChina, Province::kBeijing, Isp::kUnicom, 1});
    layer.add(*IpPrefix::parse("2400::/12"), {kChina, Province::kHubei, Isp::kMobile, 2});
    GeoBuilder builder;
    builder.lay(layer);
    return builder.build(1);
  }();
  std::string bytes = kGood;
  for (std::size_t i = 0; i + 4 <= size; i += 4) {
    const std::size_t at = (std::size_t{data[i]} << 16 | std::size_t{data[i + 1]} << 8 | data[i + 2]);
    // Most damage goes to the header and the small sections before the index.
    bytes[at % (i % 8 == 0 ? 128 : bytes.size())] = static_cast<char>(data[i + 3]);
  }
  format::Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.body_crc = crc32c(std::string_view(bytes).substr(sizeof header));
  header.header_crc = crc32c({reinterpret_cast<const char*>(&header), offsetof(format::Header, header_crc)});
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto map = GeoMap::from_bytes(std::move(bytes));
  if (!map) return 0;
  for (std::uint32_t i = 0; i < 64; ++i) (void)(*map)->lookup(IpAddress::v4(i * 0x04030201));
  (void)(*map)->locate(*IpAddress::parse("2400::1"));
  return 0;
}
