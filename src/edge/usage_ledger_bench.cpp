#include <benchmark/benchmark.h>

#include "base/file.h"
#include "edge/usage_ledger.h"

namespace yz::edge {
namespace {

/// What each request pays for being billed.
void BM_UsageAdd(benchmark::State& state) {
  const TempFolder folder;
  const auto ledger = *UsageLedger::open({.file = folder.path() / "l", .spool = folder.path() / "s", .node = {}});
  model::UsageKey key;
  key.minute = 30'000'000;
  std::uint64_t i = 0;
  for (auto _ : state) {
    key.domain = model::DomainId{++i % static_cast<std::uint64_t>(state.range(0))};
    ledger->add(0, key, {.requests = 1, .bytes_out = 1234, .bytes_in = 200, .duration_us = 50});
  }
}
BENCHMARK(BM_UsageAdd)->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace yz::edge
