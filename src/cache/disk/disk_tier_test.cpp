#include "cache/disk/disk_tier.h"

#include <map>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "cache/disk/testing.h"
#include "cache/testing.h"
#include "io/reactor.h"
#include "metrics/registry.h"

namespace yz::cache {
namespace {

/// Caches over the same platters, one after the other.
struct Machine {
  explicit Machine(std::size_t devices = 1, ByteCount size = mib(8)) {
    for (std::size_t i = 0; i < devices; ++i) platters.push_back(std::make_shared<Platter>(size.value));
    start();
  }
  void start() {
    CacheOptions options;
    options.memory = mib(2);
    options.purge.file = purge_log;
    for (std::size_t i = 0; i < platters.size(); ++i) {
      options.disk.places.push_back({std::to_string(i), {platters[i]->bytes.size()}, false});
    }
    options.disk.volume.region = kib(256);
    options.disk.volume.buffer = kib(64);
    options.disk.volume.queue = mib(1);
    options.disk.volume.flush_every = std::chrono::milliseconds(20);
    options.disk.read_timeout = read_timeout;
    options.disk.open = [this](const DiskPlace& place) -> Result<std::unique_ptr<BlockDevice>> {
      return std::make_unique<FaultyDevice>(platters[std::stoul(place.path.native())], place.path.native());
    };
    auto opened = Cache::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().message;
    cache = std::move(*opened);
  }
  /// The bytes as they are now, and nothing else.
  void crash() {
    std::vector<std::shared_ptr<Platter>> copies;
    for (const auto& platter : platters) {
      copies.push_back(std::make_shared<Platter>(0));
      copies.back()->bytes = platter->copy();
    }
    cache.reset();
    platters = std::move(copies);
    start();
  }
  /// Stores and uses it, and makes room until memory has let go of it.
  void store_to_disk(const SampleResponse& response, std::string_view body) {
    const Ref<Object> stored = cache->store(response.meta(), body);
    ASSERT_TRUE(stored);
    cache->disk()->evicted(stored, true);
    cache->disk()->flush();
  }
  void empty_memory() {
    for (int i = 0; i < 60; ++i) {
      (void)cache->store(sample("/filler/" + std::to_string(i)).meta(), std::string(60'000, 'f'));
    }
  }
  [[nodiscard]] Lookup look(const std::string& target, Hash128 variant = {1, 1}) {
    return cache->lookup(primary_key("www.a.com", target), [&](std::string_view) { return variant; });
  }
  /// As the edge asks: memory, then disk, a rule first where there is one.
  [[nodiscard]] std::string get(const std::string& target, Hash128 variant = {1, 1}) {
    Lookup found = look(target, variant);
    io::Reactor reactor;
    for (int round = 0; round < 2 && cache->may_recall(found); ++round) {
      if (!reactor.block_on(cache->recall(found.key))) break;
      found = look(target, variant);
    }
    return found.object ? text_of(found.object->body()) : "";
  }

  TempFolder folder;
  std::filesystem::path purge_log = folder.path() / "purge.log";
  std::vector<std::shared_ptr<Platter>> platters;
  std::chrono::milliseconds read_timeout{10'000};
  std::unique_ptr<Cache> cache;
};

TEST(DiskTier, WhatMemoryLetsGoOfIsFoundOnDiskWithAllItHad) {
  Machine machine;
  SampleResponse response = sample("/a");
  response.tags = {7, 8};
  ObjectMeta meta = response.meta();
  meta.etag = "\"v1\"";
  meta.extra = "own";
  meta.status = 203;
  meta.response_time = WallTime(std::chrono::milliseconds(1'234'567));
  ASSERT_TRUE(machine.cache->store(meta, std::string(30'000, 'a')));
  (void)machine.look("/a");  // used
  machine.empty_memory();
  ASSERT_FALSE(machine.look("/a").object);
  machine.cache->disk()->flush();
  EXPECT_EQ(machine.get("/a"), std::string(30'000, 'a'));
  const Ref<Object> back = machine.look("/a").object;
  EXPECT_EQ(back->etag(), "\"v1\"");
  EXPECT_EQ(back->extra(), "own");
  EXPECT_EQ(back->status(), 203);
  EXPECT_EQ(back->response_time(), meta.response_time);
  EXPECT_EQ(back->head_before_age(), response.head);
  ASSERT_EQ(back->tags().size(), 2U);
  EXPECT_EQ(back->tags()[1], 8U);
  EXPECT_TRUE(back->is_on_disk());
}

TEST(DiskTier, WhatWasAskedForOnceIsNotWrittenUntilItComesAgain) {
  Machine machine;
  ASSERT_TRUE(machine.cache->store(sample("/a").meta(), "once"));
  machine.empty_memory();
  machine.cache->disk()->flush();
  EXPECT_EQ(machine.get("/a"), "");
  EXPECT_GT(machine.cache->disk()->stats().refused, 0U);
  const Ref<Object> again = machine.cache->store(sample("/a").meta(), "twice");
  machine.cache->disk()->evicted(again, false);
  machine.cache->disk()->flush();
  EXPECT_TRUE(machine.cache->disk()->holds(again->key().slot()));
}

TEST(DiskTier, WhatWaitsToBeWrittenIsFoundAlready) {
  Machine machine;
  machine.platters[0]->is_full = true;
  const Ref<Object> stored = machine.cache->store(sample("/a").meta(), "waits");
  machine.cache->disk()->evicted(stored, true);
  EXPECT_TRUE(machine.cache->disk()->holds(stored->key().slot()));
}

TEST(DiskTier, SurvivesACrashWithVariantsAndTheirRule) {
  Machine machine;
  for (const char* language : {"de", "en"}) {
    SampleResponse response = sample("/page");
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", language);
    machine.store_to_disk(response, language);
  }
  machine.store_to_disk(sample("/plain"), "plain");
  machine.crash();
  EXPECT_EQ(machine.get("/plain"), "plain");
  EXPECT_EQ(machine.get("/page", variant_with({}, "accept-language", "de")), "de");
  EXPECT_EQ(machine.get("/page", variant_with({}, "accept-language", "en")), "en");
  EXPECT_EQ(machine.get("/page", variant_with({}, "accept-language", "fr")), "");
  EXPECT_EQ(machine.look("/page").rule->names(), "accept-language");
}

TEST(DiskTier, WhatIsUsedIsWrittenBehindAndSoSurvivesACrash) {
  Machine machine;
  ASSERT_TRUE(machine.cache->store(sample("/hot").meta(), "hot"));
  ASSERT_TRUE(machine.cache->store(sample("/once").meta(), "once"));
  (void)machine.look("/hot");
  for (int i = 0; i < 256; ++i) machine.cache->write_behind();
  machine.cache->disk()->flush();
  EXPECT_EQ(machine.cache->disk()->stats().volumes.stored, 1U);
  for (int i = 0; i < 256; ++i) machine.cache->write_behind();  // not twice
  machine.cache->disk()->flush();
  EXPECT_EQ(machine.cache->disk()->stats().volumes.stored, 1U);
  machine.crash();
  EXPECT_EQ(machine.get("/hot"), "hot");
  EXPECT_EQ(machine.get("/once"), "");
}

TEST(DiskTier, PurgesReachWhatIsOnDiskAlsoAfterACrash) {
  Machine machine;
  for (const char* target : {"/d/a", "/d/b", "/c"}) machine.store_to_disk(sample(target), target);
  SampleResponse tagged = sample("/tagged");
  tagged.tags = {tag_id("www.a.com", "news")};
  machine.store_to_disk(tagged, "tagged");
  PurgeLog& purges = machine.cache->purges();
  ASSERT_TRUE(purges.apply_next(PurgeKind::kUrl, base_id("www.a.com", "/d/a").value, true));
  ASSERT_TRUE(purges.apply_next(PurgeKind::kTag, tag_id("www.a.com", "news"), true));
  ASSERT_TRUE(purges.apply_next(PurgeKind::kUrl, base_id("www.a.com", "/c").value, false));
  machine.crash();
  EXPECT_EQ(machine.get("/d/a"), "");
  EXPECT_EQ(machine.get("/tagged"), "");
  EXPECT_EQ(machine.get("/d/b"), "/d/b");
  EXPECT_EQ(machine.get("/c"), "/c");
  EXPECT_TRUE(machine.look("/c").object->is_soft_purged());
  ASSERT_TRUE(machine.cache->purges().apply_next(PurgeKind::kDirectory, directory_id("www.a.com", "/d/"), true));
  EXPECT_EQ(machine.get("/d/b"), "");
  EXPECT_FALSE(machine.cache->disk()->holds(CacheKey{primary_key("www.a.com", "/d/b"), {}}.slot()));
}

TEST(DiskTier, WithoutItsPurgeLogNothingOnDiskIsTrusted) {
  Machine machine;
  ASSERT_TRUE(machine.cache->purges().apply_next(PurgeKind::kUrl, 1, true));
  machine.store_to_disk(sample("/a"), "a");
  std::filesystem::remove(machine.purge_log);
  machine.crash();
  EXPECT_EQ(machine.get("/a"), "");
}

TEST(DiskTier, ANewResponseReplacesTheOneOnDiskAlsoAfterACrash) {
  Machine machine;
  machine.store_to_disk(sample("/a"), "old");
  ASSERT_TRUE(machine.cache->store(sample("/a").meta(), "new"));
  machine.cache->disk()->flush();
  machine.crash();
  EXPECT_EQ(machine.get("/a"), "new");  // it was worth writing before, so it is again
}

TEST(DiskTier, AnInvalidationReachesVariantsOnDiskAlsoAfterACrash) {
  Machine machine;
  const Hash128 de = variant_with({}, "accept-language", "de");
  const Hash128 en = variant_with({}, "accept-language", "en");
  SampleResponse response = sample("/page");
  response.vary = "accept-language";
  response.variant = de;
  machine.store_to_disk(response, "de");
  machine.cache->invalidate(primary_key("www.a.com", "/page"));
  EXPECT_EQ(machine.get("/page", de), "");
  // Another variant brings a rule of the same names, later.
  response.variant = en;
  ObjectMeta meta = response.meta();
  meta.response_time += std::chrono::seconds(1);
  machine.cache->disk()->evicted(machine.cache->store(meta, "en"), true);
  EXPECT_EQ(machine.get("/page", de), "");
  machine.cache->disk()->flush();
  machine.crash();
  EXPECT_EQ(machine.get("/page", en), "en");
  EXPECT_EQ(machine.get("/page", de), "");
}

TEST(DiskTier, ARefreshedHeadIsOnDiskToo) {
  Machine machine;
  SampleResponse response = sample("/a");
  machine.store_to_disk(response, std::string(20'000, 'x'));
  Ref<Object> old = machine.look("/a").object;
  Joined joined = join(*machine.cache, response, MonoTime{}, old.get());
  response.head = "HTTP/1.1 200 OK\r\nETag: new\r\n";
  ASSERT_TRUE(joined.lead.finish_with(machine.cache->make_refreshed(*old, response.meta())));
  old = {};
  machine.cache->disk()->flush();
  machine.crash();
  EXPECT_EQ(machine.get("/a"), std::string(20'000, 'x'));
  EXPECT_EQ(machine.look("/a").object->head_before_age(), response.head);
}

TEST(DiskTier, ManyWhoAskAreServedByOneRead) {
  Machine machine;
  machine.store_to_disk(sample("/a"), "a");
  machine.crash();
  machine.platters[0]->delay_ms = 20;
  const std::uint64_t before = machine.cache->disk()->stats().volumes.reads;
  io::Reactor reactor;
  int found = 0;
  const CacheKey key{primary_key("www.a.com", "/a"), {}};
  const auto ask = [](Cache& cache, CacheKey of, int& count) -> io::Task<void> {
    const bool is_back = co_await cache.recall(of);
    count += is_back ? 1 : 0;
  };
  for (int i = 0; i < 50; ++i) reactor.spawn(ask(*machine.cache, key, found));
  const auto wait = [](int& count) -> io::Task<void> {
    while (count < 50) co_await io::sleep_for(std::chrono::milliseconds(1));
  };
  reactor.block_on(wait(found));
  EXPECT_EQ(machine.cache->disk()->stats().volumes.reads, before + 1);
}

TEST(DiskTier, ASlowDeviceIsNotWaitedFor) {
  Machine machine;
  machine.store_to_disk(sample("/a"), "a");
  machine.read_timeout = std::chrono::milliseconds(20);
  machine.crash();
  machine.platters[0]->delay_ms = 200;
  EXPECT_EQ(machine.get("/a"), "");
  EXPECT_EQ(machine.cache->disk()->stats().skipped, 1U);
  machine.platters[0]->delay_ms = 0;
}

TEST(DiskTier, AReadThatFailsIsAMiss) {
  Machine machine;
  machine.store_to_disk(sample("/a"), "a");
  machine.store_to_disk(sample("/b"), std::string(3'000, 'b'));
  machine.crash();
  machine.platters[0]->reads_fail = true;
  EXPECT_EQ(machine.get("/a"), "");
  machine.platters[0]->reads_fail = false;
  machine.platters[0]->flips = 1;
  EXPECT_EQ(machine.get("/b"), "");
  EXPECT_EQ(machine.cache->disk()->stats().volumes.read_errors, 1U);
  EXPECT_EQ(machine.cache->disk()->stats().volumes.corrupt, 1U);
}

TEST(DiskTier, SeveralDevicesShareTheObjectsAndOneThatFailsIsDropped) {
  Machine machine(3, mib(4));
  const auto name = [](int i) { return "/" + std::to_string(i); };
  for (int i = 0; i < 300; ++i) machine.store_to_disk(sample(name(i)), name(i));
  machine.crash();
  EXPECT_EQ(machine.cache->disk()->stats().devices, 3U);
  machine.platters[1]->reads_fail = true;
  int found = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string body = machine.get(name(i));
    ASSERT_TRUE(body.empty() || body == name(i));
    found += body.empty() ? 0 : 1;
  }
  EXPECT_GT(found, 150);
  EXPECT_LT(found, 250);
  EXPECT_EQ(machine.cache->disk()->stats().devices, 2U);
  EXPECT_EQ(machine.cache->disk()->stats().failed, 1U);
  for (int i = 300; i < 400; ++i) machine.store_to_disk(sample(name(i)), name(i));
  machine.platters[1]->reads_fail = false;
  machine.crash();  // the device that failed begins anew
  for (int i = 300; i < 400; ++i) {
    const std::string body = machine.get(name(i));
    ASSERT_TRUE(body.empty() || body == name(i));
  }
  EXPECT_EQ(machine.cache->disk()->stats().devices, 3U);
}

TEST(DiskTier, APlaceThatCannotBeOpenedIsLeftOut) {
  const TempFolder folder;
  CacheOptions options;
  options.memory = mib(8);
  options.disk.places = {{folder.path() / "good", mib(8), true}, {"/proc/none/such", mib(8), true}};
  const auto cache = Cache::open(std::move(options));
  ASSERT_TRUE(cache) << cache.error().message;
  EXPECT_EQ((*cache)->disk()->stats().devices, 1U);
  EXPECT_EQ((*cache)->disk()->stats().failed, 1U);
  metrics::Registry registry;
  (*cache)->expose(registry);
  EXPECT_NE(registry.expose().find("yz_cache_disk_devices 1\n"), std::string::npos);
}

TEST(DiskTier, TheBudgetHoldsWithAllTheDiskTierNeeds) {
  Machine machine;
  Random random(5);
  for (int i = 0; i < 3'000; ++i) {
    const std::string target = "/" + std::to_string(random.below(800));
    const std::string body = machine.get(target);
    ASSERT_TRUE(body.empty() || body == target + std::string(9'000, 'x'));
    if (body.empty()) (void)machine.cache->store(sample(target).meta(), target + std::string(9'000, 'x'));
    const CacheStats stats = machine.cache->stats();
    ASSERT_LE(stats.memory_used, stats.memory_limit);
  }
  const DiskStats stats = machine.cache->disk()->stats();
  EXPECT_GT(stats.hits, 500U);
}

}  // namespace
}  // namespace yz::cache
