#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "cache/testing.h"

namespace yz::cache {
namespace {

/// Readers, fillers, purges and sweeps at once. Each body repeats the purge clock of its birth and its target, so a
/// mixed-up or outdated answer shows.
TEST(Stress, NothingIsMixedUpOutdatedOrOverTheBudget) {
  CacheOptions options;
  options.memory = mib(2);
  const auto cache = *Cache::open(std::move(options));
  constexpr int kTargets = 200;
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> hits{0};

  const auto check = [&](const Ref<Object>& object, const std::string& target, Seq asked_at) {
    const std::string body = text_of(object->body());
    const std::string unit = std::to_string(object->born().value) + target + ";";
    if (body.size() % unit.size() != 0 || body.substr(0, unit.size()) != unit) wrong.fetch_add(1);
    // "/p…" is purged by every record: what was born before a record known when asked must not be found.
    if (target[1] == 'p' && object->born() < asked_at) wrong.fetch_add(1);
  };
  const auto work = [&](std::uint64_t seed) {
    Random random(seed);
    while (!is_over.load(std::memory_order_relaxed)) {
      const std::uint64_t n = random.below(kTargets);
      SampleResponse response = sample((n % 4 == 0 ? "/p/" : "/q/") + std::to_string(n));
      const Seq asked_at = cache->purges().latest();
      if (const Ref<Object> object = find(*cache, response.host, response.target)) {
        check(object, response.target, asked_at);
        hits.fetch_add(1, std::memory_order_relaxed);
        if (random.below(50) == 0) cache->remove(*object);
        continue;
      }
      Joined joined = join(*cache, response);
      if (joined.follow) {
        FillReader reader(joined.follow);
        while (reader.state() == FillState::kStreaming && reader.try_read() == FillReader::Next::kData) {
          std::size_t size = 0;
          for (const iovec& piece : reader.pieces()) size += piece.iov_len;
          reader.advance(size);
        }
      }
      if (!joined.lead) continue;
      response.born = joined.lead.fill().born();
      const std::string unit = std::to_string(response.born.value) + response.target + ";";
      std::string body;
      for (std::uint64_t i = random.below(2'000); i > 0; --i) body += unit;
      body += unit;
      if (!joined.lead.publish_head(response.meta())) continue;
      if (append(joined.lead, body)) joined.lead.finish();
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) threads.emplace_back(work, t + 1);
  threads.emplace_back([&] {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kDirectory, directory_id("www.a.com", "/p/"), true));
      for (int j = 0; j < 20; ++j) {
        (void)cache->sweep();
        if (cache->stats().memory_used > cache->stats().memory_limit) wrong.fetch_add(1);
      }
      std::this_thread::yield();
    }
    is_over.store(true);
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(hits.load(), 0U);
}

}  // namespace
}  // namespace yz::cache
