#include <benchmark/benchmark.h>

#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::model {
namespace {

ConfigSnapshot with_domains(std::int64_t count) {
  ConfigSnapshot s = sample_snapshot();
  Domain d = *s.domains.find({1});
  for (std::int64_t i = 0; i < count; ++i) {
    d.id = {static_cast<std::uint64_t>(i) + 1};
    d.name = "www" + std::to_string(i) + ".a.com";
    s.put(d, {1});
  }
  return s;
}

void encode_snapshot(benchmark::State& state) {
  const ConfigSnapshot s = with_domains(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(encode(s));
}
BENCHMARK(encode_snapshot)->Arg(10)->Arg(10'000);

void decode_snapshot_bytes(benchmark::State& state) {
  const std::string bytes = encode(with_domains(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(decode_snapshot(bytes));
}
BENCHMARK(decode_snapshot_bytes)->Arg(10)->Arg(10'000);

/// One changed domain among many: what every node does on each change.
void apply_one_change(benchmark::State& state) {
  const ConfigSnapshot from = with_domains(state.range(0));
  ConfigSnapshot to = from;
  to.put(*from.domains.find({5}), {2});
  const ConfigDelta delta = diff(from, to);
  for (auto _ : state) benchmark::DoNotOptimize(apply(from, delta));
}
BENCHMARK(apply_one_change)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace yz::model
