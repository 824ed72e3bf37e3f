#include <benchmark/benchmark.h>

#include "base/file.h"
#include "bus/embedded_bus.h"

namespace yz::bus {
namespace {

void publish(benchmark::State& state) {
  const TempFolder folder;
  auto bus = EmbeddedBus::open(folder.path(), {.keep_size = mib(64)});
  const std::string message(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize((*bus)->publish("t", message));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(publish)->Arg(200)->Arg(10'000);

void replay(benchmark::State& state) {
  const TempFolder folder;
  auto log = TopicLog::open(folder.path() / "t", {}, SystemClock::instance());
  const std::string message(200, 'x');
  for (int i = 0; i < 10'000; ++i) (void)(*log)->append(message);
  for (auto _ : state) {
    LogReader reader(**log, {1});
    while (auto record = reader.next()) {
      if (!*record) break;
      benchmark::DoNotOptimize(record);
    }
  }
  state.SetItemsProcessed(state.iterations() * 10'000);
}
BENCHMARK(replay);

}  // namespace
}  // namespace yz::bus
