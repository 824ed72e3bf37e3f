#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/file.h"
#include "base/random.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

constexpr std::size_t kObjects = 1'000'000;
constexpr std::size_t kDirectories = 1'000;
constexpr std::size_t kTags = 1'000;

std::string url_of(std::size_t n) { return "/d" + std::to_string(n % kDirectories) + "/u" + std::to_string(n); }
std::uint32_t tag_of(std::size_t n) { return tag_id("www.a.com", "t" + std::to_string(n % kTags)); }

/// A million objects with a tag each, about 300 MB.
Cache& million() {
  static const auto cache = [] {
    CacheOptions options;
    options.memory = mib(1536);
    auto made = *Cache::open(std::move(options));
    for (std::size_t i = 0; i < kObjects; ++i) {
      SampleResponse response = sample(url_of(i));
      response.tags = {tag_of(i)};
      (void)made->store(response.meta(), "x");
    }
    return made;
  }();
  return *cache;
}

std::uint64_t target_of(PurgeKind kind, std::size_t n) {
  switch (kind) {
    case PurgeKind::kDirectory:
      return directory_id("www.a.com", "/d" + std::to_string(n % kDirectories) + "/");
    case PurgeKind::kTag:
      return tag_of(n);
    default:
      return base_id("www.a.com", url_of(n)).value;
  }
}

/// What one refresh costs the edge: it is in force for all objects when the call returns. Soft, so that all stay.
void BM_Refresh(benchmark::State& state, PurgeKind kind) {
  Cache& cache = million();
  state.counters["objects"] = static_cast<double>(cache.stats().objects);
  std::size_t n = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint64_t target = target_of(kind, n++ * 7919 % kObjects);
    state.ResumeTiming();
    benchmark::DoNotOptimize(cache.purges().apply_next(kind, target, false));
  }
}
BENCHMARK_CAPTURE(BM_Refresh, url, PurgeKind::kUrl)->Iterations(20'000);
BENCHMARK_CAPTURE(BM_Refresh, directory, PurgeKind::kDirectory)->Iterations(20'000);
BENCHMARK_CAPTURE(BM_Refresh, tag, PurgeKind::kTag)->Iterations(20'000);

/// The first look at an object after a purge asks the tables once; later ones compare one word.
void BM_FirstLookAfterARefresh(benchmark::State& state, PurgeKind kind) {
  Cache& cache = million();
  Random random(1);
  for (auto _ : state) {
    state.PauseTiming();
    (void)cache.purges().apply_next(kind, target_of(kind, random.below(kObjects)), false);
    const Hash128 key = primary_key("www.a.com", url_of(random.below(kObjects)));
    state.ResumeTiming();
    benchmark::DoNotOptimize(cache.lookup(key, [](std::string_view) { return Hash128{}; }));
  }
}
BENCHMARK_CAPTURE(BM_FirstLookAfterARefresh, url, PurgeKind::kUrl)->Iterations(20'000);
BENCHMARK_CAPTURE(BM_FirstLookAfterARefresh, directory, PurgeKind::kDirectory)->Iterations(20'000);
BENCHMARK_CAPTURE(BM_FirstLookAfterARefresh, tag, PurgeKind::kTag)->Iterations(20'000);

/// Records as an agent brings them, a hundred at a time, on disk before they are acknowledged. Time per record.
void BM_RefreshOnDisk(benchmark::State& state) {
  const TempFolder folder;
  PurgeLog::Options options;
  options.file = folder.path() / "purge.log";
  const auto log = *PurgeLog::open(std::move(options));
  std::uint64_t seq = 0;
  for (auto _ : state) {
    std::vector<PurgeRecord> records;
    for (int i = 0; i < 100; ++i) records.push_back({Seq{++seq}, PurgeKind::kUrl, true, seq * 0x9e3779b97f4a7c15ULL});
    benchmark::DoNotOptimize(log->apply(records));
  }
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(BM_RefreshOnDisk)->Iterations(200);

/// Times of hits over the million, in the quiet and under a thousand refreshes a second of all kinds: quiet and stormy
/// seconds in turn, so that the machine's moods hit both.
void BM_HitsUnderRefreshes(benchmark::State& state) {
  Cache& cache = million();
  std::atomic<bool> is_stormy{false};
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> refreshes{0};
  std::thread storm([&] {
    Random random(2);
    constexpr PurgeKind kKinds[] = {PurgeKind::kUrl, PurgeKind::kDirectory, PurgeKind::kTag};
    auto last = std::chrono::steady_clock::now();
    while (!is_over) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      // As many as are due, however late the sleep ended.
      const auto due = std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now() - last);
      last += due;
      for (int i = 0; is_stormy && i < due.count(); ++i) {
        const PurgeKind kind = kKinds[random.below(3)];
        (void)cache.purges().apply_next(kind, target_of(kind, random.below(kObjects)), false);
        refreshes.fetch_add(1, std::memory_order_relaxed);
      }
    }
  });
  Random random(3);
  std::array<std::vector<std::uint32_t>, 2> times;
  using Clock = std::chrono::steady_clock;
  const auto seconds = static_cast<int>(state.range(0));
  for (auto _ : state) {
    for (int second = 0; second < 2 * seconds; ++second) {
      is_stormy = second % 2 == 1;
      const auto end = Clock::now() + std::chrono::seconds(1);
      for (auto now = Clock::now(); now < end;) {
        const Hash128 key = primary_key("www.a.com", url_of(random.below(kObjects)));
        const auto begin = Clock::now();
        benchmark::DoNotOptimize(cache.lookup(key, [](std::string_view) { return Hash128{}; }));
        now = Clock::now();
        times[is_stormy ? 1 : 0].push_back(static_cast<std::uint32_t>((now - begin).count()));
      }
    }
  }
  is_over = true;
  storm.join();
  for (std::size_t i = 0; i < times.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    const std::string name = i == 0 ? "quiet_" : "storm_";
    state.counters[name + "p50_ns"] = times[i][times[i].size() / 2];
    state.counters[name + "p99_ns"] = times[i][times[i].size() * 99 / 100];
    state.counters[name + "p999_ns"] = times[i][times[i].size() * 999 / 1000];
  }
  state.counters["refreshes"] = static_cast<double>(refreshes.load());
}
BENCHMARK(BM_HitsUnderRefreshes)->Arg(10)->Arg(60)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace yz::cache
