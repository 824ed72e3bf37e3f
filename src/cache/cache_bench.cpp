#include <benchmark/benchmark.h>

#include "cache/testing.h"

namespace yz::cache {
namespace {

constexpr int kObjects = 10'000;

Cache& filled_cache() {
  static const auto cache = [] {
    CacheOptions options;
    options.memory = mib(256);
    auto made = *Cache::open(std::move(options));
    for (int i = 0; i < kObjects; ++i)
      (void)made->store(sample("/" + std::to_string(i)).meta(), std::string(1000, 'x'));
    return made;
  }();
  return *cache;
}

/// A hit: index, purge check, counter, reference.
void BM_LookupHit(benchmark::State& state) {
  Cache& cache = filled_cache();
  std::vector<Hash128> keys;
  for (int i = 0; i < kObjects; ++i) keys.push_back(primary_key("www.a.com", "/" + std::to_string(i)));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(cache.lookup(keys[i++ % keys.size()], [](std::string_view) { return Hash128{}; }));
  }
}
BENCHMARK(BM_LookupHit)->Threads(1)->Threads(2);

/// All threads after one object.
void BM_LookupHot(benchmark::State& state) {
  Cache& cache = filled_cache();
  const Hash128 key = primary_key("www.a.com", "/1");
  for (auto _ : state) benchmark::DoNotOptimize(cache.lookup(key, [](std::string_view) { return Hash128{}; }));
}
BENCHMARK(BM_LookupHot)->Threads(1)->Threads(2);

void BM_LookupMiss(benchmark::State& state) {
  Cache& cache = filled_cache();
  Hash128 key = primary_key("www.a.com", "/none");
  for (auto _ : state) {
    key.low += 0x9e3779b97f4a7c15ULL;
    benchmark::DoNotOptimize(cache.lookup(key, [](std::string_view) { return Hash128{}; }));
  }
}
BENCHMARK(BM_LookupMiss);

void BM_PrimaryKey(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(primary_key("www.example.com", "/assets/css/main.css?v=123"));
}
BENCHMARK(BM_PrimaryKey);

void BM_StoreAndEvict(benchmark::State& state) {
  CacheOptions options;
  options.memory = mib(8);
  const auto cache = *Cache::open(std::move(options));
  const std::string body(1000, 'x');
  std::uint64_t i = 0;
  for (auto _ : state) (void)cache->store(sample("/" + std::to_string(i++)).meta(), body);
}
BENCHMARK(BM_StoreAndEvict);

void BM_Purge(benchmark::State& state) {
  const auto log = *PurgeLog::open({});
  std::uint64_t i = 0;
  for (auto _ : state) (void)log->apply_next(PurgeKind::kUrl, i++ % 1000, true);
}
BENCHMARK(BM_Purge);

}  // namespace
}  // namespace yz::cache
