#include "cache/cache.h"

#include <gtest/gtest.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/memory_tier.h"
#include "cache/testing.h"
#include "metrics/registry.h"

namespace yz::cache {
namespace {

std::unique_ptr<Cache> open_cache(ByteCount memory = mib(8), ByteCount max_object = {}) {
  CacheOptions options;
  options.memory = memory;
  options.max_object = max_object;
  return *Cache::open(std::move(options));
}

TEST(Cache, FindsWhatWasStoredWithHeadAndBody) {
  const auto cache = open_cache();
  SampleResponse response = sample("/index.html?a=1");
  response.tags = {7, 8};
  ObjectMeta meta = response.meta();
  meta.etag = "\"v1\"";
  meta.head_after_age = "X: y\r\n";
  meta.extra = "own";
  const std::string body(300'000, 'b');
  ASSERT_TRUE(cache->store(meta, body));
  const Ref<Object> found = find(*cache, "www.a.com", "/index.html?a=1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->head_before_age(), response.head);
  EXPECT_EQ(found->head_after_age(), "X: y\r\n");
  EXPECT_EQ(found->etag(), "\"v1\"");
  EXPECT_EQ(found->extra(), "own");
  EXPECT_EQ(found->tags().size(), 2U);
  EXPECT_EQ(found->tags()[1], 8U);
  EXPECT_EQ(text_of(found->body()), body);
  iovec pieces[4];
  ASSERT_EQ(found->body().gather(Chunk::kMaxCapacity - 10, 20, pieces), 2U);
  EXPECT_EQ(pieces[0].iov_len, 10U);
  EXPECT_EQ(pieces[1].iov_len, 10U);
  EXPECT_FALSE(find(*cache, "www.a.com", "/index.html"));
}

TEST(Cache, LargeBodiesCanBeSentFromAFile) {
  const auto cache = open_cache(mib(8));
  std::string body;
  for (int i = 0; i < 700'000; ++i) body += static_cast<char>(i * 7 % 251);
  const Ref<Object> stored = cache->store(sample("/large").meta(), body);
  ASSERT_TRUE(stored->body().has_file());
  EXPECT_FALSE(cache->store(sample("/small").meta(), "x")->body().has_file());
  const auto read_at = [](const FileRun& run) {
    std::string bytes(run.size, '\0');
    EXPECT_EQ(::pread(run.file, bytes.data(), bytes.size(), static_cast<off_t>(run.offset)),
              static_cast<ssize_t>(run.size));
    return bytes;
  };
  const auto run = stored->body().file_run(1000, 300'000);
  ASSERT_GT(run.size, 0U);
  EXPECT_EQ(read_at(run), body.substr(1000, run.size));
  EXPECT_EQ(read_at(stored->body().file_run(699'990, 100)), body.substr(699'990));
  EXPECT_EQ(stored->body().file_run(0, 10).size, 10U);
}

TEST(Cache, WhatTheNetworkStillSendsDoesNotChangeWhenItsMemoryIsUsedAgain) {
  const auto cache = open_cache(mib(2), mib(1));
  const std::string body(FileSlab::kMaxSlot, 'a');
  Ref<Object> stored = cache->store(sample("/old").meta(), body);
  const auto run = stored->body().file_run(0, body.size());
  ASSERT_EQ(run.size, body.size());
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0);
  auto at = static_cast<off_t>(run.offset);
  const ssize_t sent = ::sendfile(sockets[0], run.file, &at, run.size);
  ASSERT_GT(sent, 0);
  stored = {};
  cache->invalidate(primary_key("www.a.com", "/old"));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(cache->store(sample("/new" + std::to_string(i)).meta(), std::string(body.size(), 'b')));
  }
  std::string received(static_cast<std::size_t>(sent), '\0');
  ASSERT_EQ(::recv(sockets[1], received.data(), received.size(), MSG_WAITALL), sent);
  EXPECT_EQ(received, body.substr(0, received.size()));
  ::close(sockets[0]);
  ::close(sockets[1]);
}

TEST(Cache, KeysKeepHostAndTargetApart) {
  EXPECT_NE(primary_key("a.com", "/b"), primary_key("a.co", "m/b"));
  EXPECT_NE(primary_key("a.com", "/b", 0), primary_key("a.com", "/b", 1));
  EXPECT_NE(base_id("a.com", "/b"), base_id("a.com", "/c"));
  const Hash128 gzip = variant_with({}, "accept-encoding", "gzip");
  EXPECT_NE(gzip, variant_with({}, "accept-encoding", ""));
  EXPECT_NE(variant_with(gzip, "accept-language", "de"), gzip);
}

TEST(Cache, AgeGrowsFromTheInitialAge) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/");
  ObjectMeta meta = response.meta();
  meta.response_time = WallTime(std::chrono::seconds(1000));
  meta.initial_age = std::chrono::seconds(5);
  const Ref<Object> object = cache->store(meta, "x");
  EXPECT_EQ(object->age(WallTime(std::chrono::milliseconds(1'003'999))).count(), 8);
  EXPECT_EQ(object->age(WallTime(std::chrono::seconds(900))).count(), 5);  // the clock went back
}

TEST(Cache, VariantsAreFoundByWhatTheRequestSays) {
  const auto cache = open_cache();
  for (const char* language : {"de", "en"}) {
    SampleResponse response = sample("/page");
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", language);
    ASSERT_TRUE(cache->store(response.meta(), language));
  }
  const auto ask = [&](std::string_view language) {
    return cache->lookup(primary_key("www.a.com", "/page"), [&](std::string_view vary) {
      EXPECT_EQ(vary, "accept-language");
      return variant_with({}, "accept-language", language);
    });
  };
  EXPECT_EQ(text_of(ask("de").object->body()), "de");
  EXPECT_EQ(text_of(ask("en").object->body()), "en");
  const Lookup french = ask("fr");
  EXPECT_FALSE(french.object);
  EXPECT_EQ(french.key.variant, variant_with({}, "accept-language", "fr"));
  cache->invalidate(primary_key("www.a.com", "/page"));
  EXPECT_FALSE(ask("de").object);
}

TEST(Cache, AUrlKeepsAtMostSixtyFourVariants) {
  const auto cache = open_cache();
  for (int i = 0; i < 200; ++i) {
    SampleResponse response = sample("/page");
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", std::to_string(i));
    ASSERT_TRUE(cache->store(response.meta(), "x"));
  }
  EXPECT_EQ(cache->stats().objects, 64U);
}

TEST(Cache, AFloodOfVariantsThrowsOutItsOwn) {
  const auto cache = open_cache();
  const auto variant = [](const std::string& language) { return variant_with({}, "accept-language", language); };
  const auto put = [&](const std::string& language) {
    SampleResponse response = sample("/page");
    response.vary = "accept-language";
    response.variant = variant(language);
    ASSERT_TRUE(cache->store(response.meta(), "x"));
  };
  const auto is_there = [&](const std::string& language) {
    const auto found =
        cache->lookup(primary_key("www.a.com", "/page"), [&](std::string_view) { return variant(language); });
    return static_cast<bool>(found.object);
  };
  for (const char* used : {"de", "en", "zh"}) put(used);
  for (int i = 0; i < 2'000; ++i) {
    put(std::to_string(i));
    if (i % 20 == 0) {
      for (const char* used : {"de", "en", "zh"}) EXPECT_TRUE(is_there(used)) << used << " after " << i;
    }
  }
  EXPECT_EQ(cache->stats().objects, 64U);
}

TEST(Cache, VariantsOfAnInvalidatedUrlDoNotComeBackWithTheNext) {
  const auto cache = open_cache();
  const auto put = [&](std::string_view language) {
    SampleResponse response = sample("/page");
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", language);
    ASSERT_TRUE(cache->store(response.meta(), language));
  };
  put("de");
  cache->invalidate(primary_key("www.a.com", "/page"));
  put("en");
  const auto german = cache->lookup(primary_key("www.a.com", "/page"),
                                    [](std::string_view) { return variant_with({}, "accept-language", "de"); });
  EXPECT_FALSE(german.object);
  EXPECT_EQ(cache->stats().objects, 1U);
}

TEST(Cache, AnObjectReplacesTheOneBefore) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  ASSERT_TRUE(cache->store(response.meta(), "one"));
  const Ref<Object> old = find(*cache, "www.a.com", "/a");
  ASSERT_TRUE(cache->store(response.meta(), "two"));
  EXPECT_EQ(text_of(find(*cache, "www.a.com", "/a")->body()), "two");
  EXPECT_EQ(text_of(old->body()), "one");
  EXPECT_EQ(cache->stats().objects, 1U);
}

TEST(Cache, ARefreshedHeadSharesTheOldBody) {
  const auto cache = open_cache();
  SampleResponse response = sample("/a");
  const Ref<Object> old = cache->store(response.meta(), std::string(100'000, 'x'));
  const std::uint64_t used = cache->stats().memory_used;
  Joined joined = join(*cache, response, MonoTime{}, old.get());
  ASSERT_TRUE(joined.lead);
  response.head = "HTTP/1.1 200 OK\r\nETag: new\r\n";
  const Ref<Object> stored = joined.lead.finish_with(cache->make_refreshed(*old, response.meta()));
  ASSERT_TRUE(stored);
  EXPECT_EQ(find(*cache, "www.a.com", "/a")->head_before_age(), response.head);
  EXPECT_EQ(stored->body().shared(), old->body().shared());
  EXPECT_NE(stored->body().shared(), nullptr);
  EXPECT_LT(cache->stats().memory_used, used + 10'000);
}

TEST(Cache, MemoryIsAllGivenBack) {
  const auto cache = open_cache();
  const std::uint64_t empty = cache->stats().memory_used;
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(cache->store(sample("/" + std::to_string(i)).meta(), std::string(1000, 'x')));
  for (int i = 0; i < 20; ++i) cache->invalidate(primary_key("www.a.com", "/" + std::to_string(i)));
  EXPECT_EQ(cache->stats().objects, 0U);
  EXPECT_EQ(cache->stats().memory_used, empty);
}

TEST(Cache, TheBudgetHoldsWhileReadersPinWhatIsEvicted) {
  const auto cache = open_cache(mib(4));
  std::vector<Ref<Object>> pinned;
  std::size_t refused = 0;
  for (int i = 0; i < 400; ++i) {
    Ref<Object> object = cache->store(sample("/" + std::to_string(i)).meta(), std::string(100'000, 'x'));
    if (object) {
      pinned.push_back(std::move(object));
    } else {
      ++refused;
    }
    ASSERT_LE(cache->stats().memory_used, cache->stats().memory_limit);
  }
  EXPECT_GT(refused, 300U);  // nothing could be freed
  pinned.clear();
  EXPECT_TRUE(cache->store(sample("/new").meta(), std::string(100'000, 'x')));
}

TEST(Cache, ManySmallObjectsStayWithinTheBudget) {
  const auto cache = open_cache(mib(2));
  for (int i = 0; i < 20'000; ++i) {
    const Ref<Object> stored = cache->store(sample("/" + std::to_string(i)).meta(), "tiny");
    ASSERT_LE(cache->stats().memory_used, cache->stats().memory_limit);
  }
  EXPECT_GT(cache->stats().objects, 2'000U);
  EXPECT_GT(cache->stats().evicted, 1'000U);
}

TEST(Cache, WhatIsAskedForSurvivesAScan) {
  const auto cache = open_cache(mib(4));
  const std::string body(4'000, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cache->store(sample("/hot/" + std::to_string(i)).meta(), body));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(find(*cache, "www.a.com", "/hot/" + std::to_string(i)));
  }
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(cache->store(sample("/scan/" + std::to_string(i)).meta(), body));
    (void)find(*cache, "www.a.com", "/hot/" + std::to_string(i % 100));
  }
  int kept = 0;
  for (int i = 0; i < 100; ++i) kept += find(*cache, "www.a.com", "/hot/" + std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(kept, 100);
}

TEST(Cache, WhatComesBackSoonEntersTheMainQueue) {
  const auto cache = open_cache(mib(4));
  const std::string body(10'000, 'x');
  ASSERT_TRUE(cache->store(sample("/again").meta(), body));
  for (int i = 0; find(*cache, "www.a.com", "/again") && i < 10'000; ++i) {
    // Looking raises the counter, so look seldom.
    for (int j = 0; j < 500; ++j) {
      ASSERT_TRUE(cache->store(sample("/scan/" + std::to_string(i) + "/" + std::to_string(j)).meta(), body));
    }
  }
  ASSERT_TRUE(cache->store(sample("/again").meta(), body));
  EXPECT_GE(cache->stats().ghost_hits, 1U);
  EXPECT_GT(cache->stats().main_bytes, 0U);
}

TEST(Cache, TooLittleMemoryIsRefused) {
  CacheOptions options;
  options.memory = kib(100);
  EXPECT_EQ(Cache::open(std::move(options)).error().code, Code::kInvalid);
}

TEST(Cache, MoreMemoryThanThereAreAddressesIsRefused) {
  CacheOptions options;
  options.memory = ByteCount{1ULL << 60};
  EXPECT_EQ(Cache::open(std::move(options)).error().code, Code::kInvalid);
}

TEST(Cache, TellsItsStateAsMetrics) {
  metrics::Registry registry;
  const auto cache = open_cache();
  ASSERT_TRUE(cache->store(sample("/").meta(), "x"));
  cache->expose(registry);
  EXPECT_NE(registry.expose().find("yz_cache_objects 1\n"), std::string::npos);
}

}  // namespace
}  // namespace yz::cache
