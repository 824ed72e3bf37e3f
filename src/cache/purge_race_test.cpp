#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

constexpr std::size_t kUrls = 64;
constexpr std::size_t kDirectories = 4;
constexpr std::size_t kTags = 8;

std::string url_of(std::size_t n) { return "/d" + std::to_string(n % kDirectories) + "/u" + std::to_string(n); }
std::uint32_t tag_of(std::size_t n) { return tag_id("www.a.com", "t" + std::to_string(n % kTags)); }

void raise(std::atomic<std::uint64_t>& to, std::uint64_t value) {
  std::uint64_t before = to.load();
  while (before < value && !to.compare_exchange_weak(before, value)) {
  }
}

/// For each target the number of its last purge that has been acknowledged: from then on nothing born before may be
/// found.
struct Floors {
  std::array<std::atomic<std::uint64_t>, kUrls> url{};
  std::array<std::atomic<std::uint64_t>, kDirectories> directory{};
  std::array<std::atomic<std::uint64_t>, kTags> tag{};
  std::atomic<std::uint64_t> all{0};

  [[nodiscard]] std::uint64_t of(std::size_t n) const {
    return std::max(std::max(url[n].load(), directory[n % kDirectories].load()),
                    std::max(tag[n % kTags].load(), all.load()));
  }
};

/// Purges of every kind race with fills under way, lookups and the sweep. What a purge hit when it was acknowledged is
/// never found again, however late its fill ends; what it did not hit stays.
TEST(PurgeRace, NothingBornBeforeAnAcknowledgedPurgeIsFound) {
  CacheOptions options;
  options.memory = mib(16);
  const auto cache = *Cache::open(std::move(options));
  Floors floors;
  std::atomic<bool> is_over{false};
  std::atomic<int> outdated{0};
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> stored{0};

  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    while (!is_over.load(std::memory_order_relaxed)) {
      const std::size_t n = random.below(kUrls);
      SampleResponse response = sample(url_of(n));
      response.tags = {tag_of(n)};
      const std::uint64_t floor = floors.of(n);
      if (const Ref<Object> object = find(*cache, response.host, response.target)) {
        if (object->born().value < floor) outdated.fetch_add(1);
        hits.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      Joined joined = join(*cache, response);
      if (joined.arrived && joined.arrived->born().value < floor) outdated.fetch_add(1);
      // A fill that is joined was begun after every purge acknowledged before.
      if (joined.follow && joined.follow->born().value < floor) outdated.fetch_add(1);
      if (!joined.lead) continue;
      response.born = joined.lead.fill().born();
      if (!joined.lead.publish_head(response.meta())) continue;
      for (std::uint64_t i = random.below(4); i > 0; --i) std::this_thread::yield();  // a purge may pass here
      if (append(joined.lead, response.target) && joined.lead.finish()) stored.fetch_add(1, std::memory_order_relaxed);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 3; ++t) threads.emplace_back(work, t + 1);
  threads.emplace_back([&] {
    // On a busy machine all could be purged before the others had their first turn.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (hits.load() == 0 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    Random random(99);
    for (int i = 0; i < 1'500; ++i) {
      const std::size_t n = random.below(kUrls);
      const auto apply = [&](PurgeKind kind, std::uint64_t id, std::atomic<std::uint64_t>& floor) {
        const auto seq = cache->purges().apply_next(kind, id, true);
        ASSERT_TRUE(seq);
        raise(floor, seq->value);
      };
      switch (random.below(16)) {
        case 0:
          apply(PurgeKind::kAll, 0, floors.all);
          break;
        case 1:
          apply(PurgeKind::kHost, host_id("www.a.com"), floors.all);
          break;
        case 2:
        case 3:
          apply(PurgeKind::kDirectory, directory_id("www.a.com", "/d" + std::to_string(n % kDirectories) + "/"),
                floors.directory[n % kDirectories]);
          break;
        case 4:
        case 5:
          apply(PurgeKind::kTag, tag_of(n), floors.tag[n % kTags]);
          break;
        default:
          apply(PurgeKind::kUrl, base_id("www.a.com", url_of(n)).value, floors.url[n]);
      }
      if (i % 8 == 0) (void)cache->sweep();
      std::this_thread::yield();
    }
    is_over.store(true);
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(outdated.load(), 0);
  EXPECT_GT(hits.load(), 0U);
  EXPECT_GT(stored.load(), 0U);
}

}  // namespace
}  // namespace yz::cache
