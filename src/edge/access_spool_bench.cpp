#include <benchmark/benchmark.h>

#include "base/file.h"
#include "edge/access_spool.h"

namespace yz::edge {
namespace {

/// What each request pays for its line in a customer's log.
void BM_AccessAdd(benchmark::State& state) {
  const TempFolder folder;
  metrics::Registry metrics;
  const auto spool = *AccessSpool::open({.folder = folder.path(), .budget = gib(8)}, metrics);
  model::AccessRecord record;
  record.ended = SystemClock::instance().wall();
  record.domain = model::DomainId{7};
  record.method = "GET";
  record.host = "www.example.com";
  record.target = "/images/2026/11/21/some-picture-with-a-name.jpg?x=1";
  record.agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36";
  for (auto _ : state) {
    record.bytes_out += 1;
    spool->add(0, record);
  }
  state.counters["lost"] = static_cast<double>(spool->lost());
}
BENCHMARK(BM_AccessAdd);

}  // namespace
}  // namespace yz::edge
