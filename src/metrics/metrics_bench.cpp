#include <benchmark/benchmark.h>

#include "metrics/registry.h"

namespace yz::metrics {
namespace {

void BM_CounterAdd(benchmark::State& state) {
  static Registry registry;
  const Counter counter = registry.counter("bench_total", "Bench.");
  for (auto _ : state) counter.add();
}
BENCHMARK(BM_CounterAdd)->Threads(1)->Threads(2);

void BM_HistogramRecord(benchmark::State& state) {
  static Registry registry;
  const Histogram histogram = registry.histogram("bench_seconds", "Bench.", Histogram::kMicroseconds);
  std::uint64_t value = 1;
  for (auto _ : state) histogram.record(value = value * 5 % 100'003);
}
BENCHMARK(BM_HistogramRecord)->Threads(1)->Threads(2);

}  // namespace
}  // namespace yz::metrics
