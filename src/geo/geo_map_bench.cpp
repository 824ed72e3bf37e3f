#include <cstdlib>

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "geo/geo_builder.h"
#include "geo/geo_map.h"

namespace yz::geo {
namespace {

/// The map at YZ_GEO_MAP, or a made one of 400,000 IPv4 and 200,000 IPv6 ranges.
const GeoMap& bench_map() {
  static const auto kMap = [] {
    if (const char* path = std::getenv("YZ_GEO_MAP")) return *GeoMap::open(path);
    Random random(1);
    Layer layer;
    for (std::uint32_t i = 0; i < 400'000; ++i) {
      const auto length = static_cast<std::uint8_t>(16 + random.below(9));
      const auto address = IpAddress::v4(static_cast<std::uint32_t>(random.next()));
      layer.add({address.masked(length), length}, {kChina, {}, {}, 1 + i % 1000});
    }
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      const AddressValue value = (AddressValue{0x2400'0000'0000'0000 | (random.next() >> 6)}) << 64;
      const auto length = static_cast<std::uint8_t>(28 + random.below(29));
      layer.add({address_of(IpFamily::kV6, value).masked(length), length}, {kChina, {}, {}, 1 + i % 1000});
    }
    GeoBuilder builder;
    builder.lay(layer);
    return *GeoMap::from_bytes(builder.build(0));
  }();
  return *kMap;
}

void look_up_all(benchmark::State& state, const std::vector<IpAddress>& addresses) {
  const auto& map = bench_map();
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.lookup(addresses[i++ & (addresses.size() - 1)]));
  }
}

void BM_LookupV4Uniform(benchmark::State& state) {
  Random random(2);
  std::vector<IpAddress> addresses(1 << 16);
  for (auto& address : addresses) address = IpAddress::v4(static_cast<std::uint32_t>(random.next()));
  look_up_all(state, addresses);
}
BENCHMARK(BM_LookupV4Uniform);

/// Addresses drawn from the map's own ranges, so that dense parts are hit as often as they are dense.
void BM_LookupFromRanges(benchmark::State& state) {
  const auto family = state.range(0) == 4 ? IpFamily::kV4 : IpFamily::kV6;
  Random random(3);
  std::vector<IpAddress> firsts;
  bench_map().for_each_range(
      family, [&](const IpAddress& first, const IpAddress&, const GeoInfo&) { firsts.push_back(first); });
  std::vector<IpAddress> addresses(1 << 16);
  for (auto& address : addresses) address = firsts[random.below(firsts.size())];
  look_up_all(state, addresses);
}
BENCHMARK(BM_LookupFromRanges)->Arg(4)->Arg(6);

}  // namespace
}  // namespace yz::geo
