#include "cache/fill.h"

#include <thread>

#include <gtest/gtest.h>

#include "cache/testing.h"
#include "io/reactor.h"

namespace yz::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<Cache> open_cache(ByteCount max_object = {}, ByteCount memory = mib(8), ByteCount window = kib(256)) {
  CacheOptions options;
  options.memory = memory;
  options.max_object = max_object;
  options.window = window;
  options.leader_timeout = seconds(10);
  return *Cache::open(std::move(options));
}

/// Everything the reader can get now.
std::string read_all(FillReader& reader, FillReader::Next& last) {
  std::string all;
  while ((last = reader.try_read()) == FillReader::Next::kData) {
    std::size_t size = 0;
    for (const iovec& piece : reader.pieces()) {
      all.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
      size += piece.iov_len;
    }
    reader.advance(size);
  }
  return all;
}

TEST(Fill, OneLeadsTheOthersFollow) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined first = join(*cache, response);
  ASSERT_TRUE(first.lead);
  Joined second = join(*cache, response);
  ASSERT_TRUE(second.follow);
  EXPECT_FALSE(second.lead);
  FillReader reader(second.follow);
  FillReader::Next next;
  EXPECT_EQ(read_all(reader, next), "");
  EXPECT_EQ(next, FillReader::Next::kWait);
  ASSERT_TRUE(first.lead.publish_head(response.meta()));
  EXPECT_EQ(reader.state(), FillState::kStreaming);
  EXPECT_EQ(reader.head()->head_before_age(), response.head);
  ASSERT_TRUE(append(first.lead, "hello "));
  EXPECT_EQ(read_all(reader, next), "hello ");
  FillReader late(join(*cache, response).follow);  // joins in the middle and gets all
  ASSERT_TRUE(append(first.lead, "world"));
  const Ref<Object> stored = first.lead.finish();
  ASSERT_TRUE(stored);
  EXPECT_EQ(read_all(reader, next), "world");
  EXPECT_EQ(next, FillReader::Next::kEnd);
  EXPECT_EQ(read_all(late, next), "hello world");
  EXPECT_EQ(late.head().get(), stored.get());
  EXPECT_EQ(text_of(find(*cache, "www.a.com", "/a")->body()), "hello world");
  EXPECT_EQ(cache->stats().fills, 0U);
  EXPECT_EQ(join(*cache, response).arrived.get(), stored.get());       // came between lookup and join
  EXPECT_TRUE(join(*cache, response, MonoTime{}, stored.get()).lead);  // to revalidate what was seen
}

TEST(Fill, AFullCacheMakesRoomForWhatAUrlVariesBy) {
  const auto cache = open_cache({}, mib(2));
  for (int i = 0; i < 4'000; ++i) (void)cache->store(sample("/" + std::to_string(i)).meta(), std::string(900, 'x'));
  ASSERT_GT(cache->stats().evicted, 0U);
  for (int i = 0; i < 500; ++i) {
    SampleResponse response = sample("/varied/" + std::to_string(i));
    Joined joined = join(*cache, response);
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", "de");
    ASSERT_TRUE(joined.lead.publish_head(response.meta()));
    ASSERT_TRUE(append(joined.lead, std::string(300 + static_cast<std::size_t>(i), 'y')));
    ASSERT_TRUE(joined.lead.finish()) << i;
    const Lookup found =
        cache->lookup(primary_key("www.a.com", response.target), [&](std::string_view) { return response.variant; });
    ASSERT_TRUE(found.object) << i;
  }
}

TEST(Fill, RulesWithoutAVariantDoNotFillTheCache) {
  const auto cache = open_cache({}, mib(2));
  // Each varies and breaks off.
  for (int i = 0; i < 20'000; ++i) {
    SampleResponse response = sample("/broken/" + std::to_string(i));
    Joined joined = join(*cache, response);
    ASSERT_TRUE(joined.lead) << i;
    response.vary = "accept-language";
    response.variant = variant_with({}, "accept-language", "de");
    ASSERT_TRUE(joined.lead.publish_head(response.meta())) << i;
  }
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(cache->store(sample("/" + std::to_string(i)).meta(), std::string(900, 'x')));
  }
  int kept = 0;
  for (int i = 0; i < 500; ++i) kept += find(*cache, "www.a.com", "/" + std::to_string(i)) ? 1 : 0;
  EXPECT_GT(kept, 450);
}

TEST(Fill, AnUncacheableAnswerReleasesAllAndMarksTheKey) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/private");
  const MonoTime now{seconds(100)};
  Joined lead = join(*cache, response, now);
  FillReader reader(join(*cache, response, now).follow);
  lead.lead.declare_uncacheable(now + seconds(5));
  EXPECT_EQ(reader.state(), FillState::kUncacheable);
  EXPECT_TRUE(join(*cache, response, now + seconds(4)).is_pass);
  EXPECT_TRUE(join(*cache, response, now + seconds(6)).lead);
}

TEST(Fill, AnAbandonedLeadGoesToTheNextWhoAsks) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  auto lead = std::make_unique<Joined>(join(*cache, response));
  FillReader reader(join(*cache, response).follow);
  lead.reset();
  EXPECT_EQ(reader.state(), FillState::kAbandoned);
  Joined again = join(*cache, response);
  EXPECT_TRUE(again.lead);
  EXPECT_TRUE(join(*cache, response).follow);
}

TEST(Fill, ALeaderWithoutAHeadForTooLongIsReplaced) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  const MonoTime start{seconds(100)};
  Joined slow = join(*cache, response, start);
  EXPECT_TRUE(join(*cache, response, start + seconds(10)).follow);
  Joined next = join(*cache, response, start + seconds(11));
  ASSERT_TRUE(next.lead);
  ASSERT_TRUE(next.lead.publish_head(response.meta()));
  ASSERT_TRUE(next.lead.finish());
  slow.lead.fail({});  // the late end of the slow one harms nobody
  EXPECT_TRUE(find(*cache, "www.a.com", "/a"));
}

TEST(Fill, AProducerThatWaitsForReadersIsTold) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  const MonoTime start{seconds(100)};
  Joined lead = join(*cache, response, start);
  const auto bell = std::make_shared<io::Waiters>();
  lead.lead.ring_for_readers(bell);
  const auto before = bell->ticket();
  // However late the head: the producer waits for this reader, and nobody replaces it.
  FillReader reader(join(*cache, response, start + seconds(60)).follow);
  EXPECT_NE(bell->ticket().epoch, before.epoch);
  EXPECT_EQ(lead.lead.fill().readers(), 1U);
}

TEST(Fill, ReadersLeaveInAnyOrder) {
  const auto cache = open_cache();
  Joined lead = join(*cache, sample("/a"));
  std::vector<std::unique_ptr<FillReader>> readers;
  for (int i = 0; i < 5; ++i) readers.push_back(std::make_unique<FillReader>(lead.lead.share()));
  for (const std::size_t i : {4, 0, 2, 1, 3}) readers[i].reset();
  EXPECT_EQ(lead.lead.fill().readers(), 0U);
}

TEST(Fill, AFailureBeforeTheHeadIsEveryonesAnswer) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  lead.lead.fail({Code::kUnavailable, Fault::kOrigin, true, "connection refused"});
  EXPECT_EQ(reader.state(), FillState::kFailed);
  EXPECT_EQ(reader.fill().error().message, "connection refused");
}

TEST(Fill, ABodyThatBreaksOffIsNotStored) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  ObjectMeta meta = response.meta();
  meta.content_length = 10;
  ASSERT_TRUE(lead.lead.publish_head(meta));
  ASSERT_TRUE(append(lead.lead, "12345"));
  EXPECT_FALSE(lead.lead.finish());
  FillReader::Next next;
  EXPECT_EQ(read_all(reader, next), "12345");
  EXPECT_EQ(next, FillReader::Next::kBroken);
  EXPECT_FALSE(find(*cache, "www.a.com", "/a"));
}

TEST(Fill, AVaryingAnswerIsJoinedUnderItsVariant) {
  const auto cache = open_cache();
  SampleResponse response = sample("/page");
  Joined lead = join(*cache, response);
  FillReader waiting(join(*cache, response).follow);
  const Hash128 german = variant_with({}, "accept-language", "de");
  response.vary = "accept-language";
  response.variant = german;
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));
  // Who waited sees what it varies by, and that this is the German one.
  EXPECT_EQ(waiting.head()->vary(), "accept-language");
  EXPECT_EQ(waiting.head()->key().variant, german);
  const auto ask = [&](std::string_view language) {
    return cache->lookup(primary_key("www.a.com", "/page"),
                         [&](std::string_view) { return variant_with({}, "accept-language", language); });
  };
  const Lookup english = ask("en");
  EXPECT_FALSE(english.object);
  EXPECT_TRUE(cache->join(english.key, response.meta().base, response.host, response.target, {}).lead);
  EXPECT_TRUE(cache->join(ask("de").key, response.meta().base, response.host, response.target, {}).follow);
  ASSERT_TRUE(append(lead.lead, "hallo"));
  ASSERT_TRUE(lead.lead.finish());
  EXPECT_EQ(text_of(ask("de").object->body()), "hallo");
}

TEST(Fill, AFillAPurgeOvertookIsNotJoinedAndNotStored) {
  for (const PurgeKind kind : {PurgeKind::kUrl, PurgeKind::kDirectory, PurgeKind::kHost, PurgeKind::kAll}) {
    const auto cache = open_cache();
    SampleResponse response = sample("/dir/a");
    Joined lead = join(*cache, response);
    const std::uint64_t id = kind == PurgeKind::kUrl         ? base_id("www.a.com", "/dir/a").value
                             : kind == PurgeKind::kDirectory ? directory_id("www.a.com", "/dir/")
                                                             : host_id("www.a.com");
    ASSERT_TRUE(cache->purges().apply_next(kind, id, true));
    Joined fresh = join(*cache, response);
    EXPECT_TRUE(fresh.lead);
    response.born = lead.lead.fill().born();
    ASSERT_TRUE(lead.lead.publish_head(response.meta()));
    ASSERT_TRUE(append(lead.lead, "old"));
    EXPECT_FALSE(lead.lead.finish());
    EXPECT_FALSE(find(*cache, "www.a.com", "/dir/a"));
    response.born = fresh.lead.fill().born();
    ASSERT_TRUE(fresh.lead.publish_head(response.meta()));
    ASSERT_TRUE(append(fresh.lead, "new"));
    EXPECT_TRUE(fresh.lead.finish());
    EXPECT_EQ(text_of(find(*cache, "www.a.com", "/dir/a")->body()), "new");
  }
}

TEST(Fill, ATagPurgeReachesAFillThatIsStreaming) {
  const auto cache = open_cache();
  SampleResponse response = sample("/a");
  response.tags = {tag_id("www.a.com", "t")};
  Joined lead = join(*cache, response);
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));
  EXPECT_TRUE(join(*cache, response).follow);
  ASSERT_TRUE(cache->purges().apply_next(PurgeKind::kTag, response.tags[0], true));
  EXPECT_TRUE(join(*cache, response).lead);
  EXPECT_FALSE(lead.lead.finish());
}

TEST(Fill, AnInvalidatedFillIsNotStored) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  cache->invalidate(primary_key("www.a.com", "/a"));
  EXPECT_TRUE(join(*cache, response).lead);
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));
  EXPECT_FALSE(lead.lead.finish());
}

TEST(Fill, AnInvalidationReachesVariantsInFlight) {
  const auto cache = open_cache();
  SampleResponse response = sample("/page");
  response.vary = "accept-language";
  response.variant = variant_with({}, "accept-language", "de");
  Joined lead = join(*cache, sample("/page"));
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));  // from here on it is joined under its variant
  EXPECT_TRUE(join(*cache, response).follow);
  cache->invalidate(primary_key("www.a.com", "/page"));
  EXPECT_TRUE(join(*cache, response).lead);
  ASSERT_TRUE(append(lead.lead, "alt"));
  EXPECT_FALSE(lead.lead.finish());
  EXPECT_EQ(cache->stats().objects, 0U);
}

TEST(Fill, ALargeBodyPassesThroughAWindow) {
  const auto cache = open_cache(kib(512));
  const SampleResponse response = sample("/large");
  Joined lead = join(*cache, response);
  FillReader fast(join(*cache, response).follow);
  FillReader slow(join(*cache, response).follow);
  ObjectMeta meta = response.meta();
  meta.content_length = 64 << 20;
  ASSERT_TRUE(lead.lead.publish_head(meta));
  const std::uint64_t before = cache->stats().memory_used;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  FillReader::Next next = FillReader::Next::kWait;
  while (sent < 64 << 20) {
    auto room = lead.lead.try_prepare();
    if (room) {
      const std::size_t size = std::min<std::size_t>(room->size(), (64 << 20) - sent);
      std::fill_n(room->data(), size, static_cast<char>(sent >> 16));
      lead.lead.commit(size);
      sent += size;
    } else {
      ASSERT_EQ(room.error().code, Code::kUnavailable);
      received += read_all(fast, next).size();
    }
    ASSERT_LE(cache->stats().memory_used, before + 1024 * 1024);
  }
  received += read_all(fast, next).size();
  EXPECT_EQ(received, 64U << 20);
  EXPECT_EQ(slow.try_read(), FillReader::Next::kLagging);
  EXPECT_FALSE(lead.lead.finish());
  EXPECT_EQ(fast.try_read(), FillReader::Next::kEnd);
  EXPECT_FALSE(find(*cache, "www.a.com", "/large"));
}

TEST(Fill, ACompleteFillThatCouldNotBeKeptStillHasItsBodyForReaders) {
  const auto cache = open_cache(kib(1));
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  ObjectMeta meta = response.meta();
  const std::string body(2048, 'x');
  meta.content_length = body.size();
  ASSERT_TRUE(lead.lead.publish_head(meta));
  ASSERT_TRUE(append(lead.lead, body));
  EXPECT_FALSE(lead.lead.finish());
  // All of it is over before the reader had its turn: its head is no whole response.
  ASSERT_EQ(reader.state(), FillState::kComplete);
  EXPECT_FALSE(reader.whole());
  FillReader::Next next = FillReader::Next::kWait;
  EXPECT_EQ(read_all(reader, next), body);
  EXPECT_EQ(next, FillReader::Next::kEnd);
}

TEST(Fill, ABodyThatProvesTooLargeTurnsIntoAWindow) {
  const auto cache = open_cache(kib(300));
  const SampleResponse response = sample("/unknown");
  Joined lead = join(*cache, response);
  auto reader = std::make_unique<FillReader>(join(*cache, response).follow);
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));
  std::string body;
  for (int i = 0; i < 300; ++i) body += std::string(1024, static_cast<char>('a' + i % 26));
  ASSERT_TRUE(append(lead.lead, body));
  FillReader::Next next;
  EXPECT_EQ(read_all(*reader, next), body);
  const std::string more(200'000, 'y');
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(append(lead.lead, more));
    EXPECT_EQ(read_all(*reader, next), more);
  }
  reader.reset();
  std::string rest(1 << 20, 'x');
  EXPECT_FALSE(append(lead.lead, rest));  // nobody reads any more
  EXPECT_EQ(lead.lead.try_prepare().error().code, Code::kCancelled);
}

TEST(Fill, WhoHasAllOfAKeptBodyFindsItInTheCache) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  ObjectMeta meta = response.meta();
  meta.content_length = 11;
  ASSERT_TRUE(lead.lead.publish_head(meta));
  FillReader::Next next = FillReader::Next::kWait;
  ASSERT_TRUE(append(lead.lead, "hello "));
  EXPECT_EQ(read_all(reader, next), "hello ");
  ASSERT_TRUE(append(lead.lead, "world"));
  EXPECT_EQ(read_all(reader, next), "");  // the object is not to be found yet
  EXPECT_EQ(next, FillReader::Next::kWait);
  ASSERT_TRUE(lead.lead.finish());
  EXPECT_TRUE(find(*cache, "www.a.com", "/a"));
  EXPECT_EQ(read_all(reader, next), "world");
}

TEST(Fill, ABodyThatFindsNoRoomAtItsEndIsReadAllTheSame) {
  const auto cache = open_cache(mib(4), mib(8));
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  const std::string body(kib(512).value, 'x');
  ObjectMeta meta = response.meta();
  meta.content_length = body.size();
  ASSERT_TRUE(lead.lead.publish_head(meta));
  ASSERT_TRUE(append(lead.lead, body));
  // Everything else is taken by what cannot be evicted: bodies on their way, the last of them crumbs.
  std::vector<FillWriter> others;
  const auto begin_another = [&] {
    const SampleResponse another = sample("/" + std::to_string(others.size()));
    Joined joined = join(*cache, another);
    ObjectMeta about = another.meta();
    about.content_length = 100;
    if (!joined.lead || !joined.lead.publish_head(about)) return false;
    others.push_back(std::move(joined.lead));
    return true;
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(begin_another());
  while (begin_another() && others.back().try_prepare()) {
  }
  for (int i = 0; i < 20; ++i) (void)others[static_cast<std::size_t>(i)].try_prepare();
  EXPECT_FALSE(lead.lead.try_prepare());
  FillReader::Next next = FillReader::Next::kWait;
  EXPECT_EQ(read_all(reader, next).size(), body.size());
  (void)lead.lead.finish();
  EXPECT_EQ(read_all(reader, next), "");
  EXPECT_EQ(next, FillReader::Next::kEnd);
}

TEST(Fill, AKeptBodyNeedsNoReader) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  ASSERT_TRUE(lead.lead.publish_head(response.meta()));
  ASSERT_TRUE(append(lead.lead, std::string(700'000, 'x')));
  ASSERT_TRUE(lead.lead.finish());
  EXPECT_EQ(find(*cache, "www.a.com", "/a")->body_size(), 700'000U);
  EXPECT_LT(cache->stats().memory_used, 1'100'000U);  // the last piece was cut to size
}

io::Task<std::string> follow(Ref<Fill> fill) {
  FillReader reader(std::move(fill));
  const MonoTime deadline = io::Reactor::current().in(seconds(20));
  if (co_await reader.wait_for_head(deadline) != FillState::kStreaming && reader.state() != FillState::kComplete) {
    co_return "no head";
  }
  std::string all;
  for (;;) {
    const FillReader::Next next = co_await reader.read(deadline);
    if (next == FillReader::Next::kEnd) co_return all;
    if (next != FillReader::Next::kData) co_return "broken";
    std::size_t size = 0;
    for (const iovec& piece : reader.pieces()) {
      all.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
      size += piece.iov_len;
    }
    reader.advance(size);
  }
}

io::Task<bool> produce(FillWriter writer, SampleResponse response, std::string body) {
  const MonoTime deadline = io::Reactor::current().in(seconds(20));
  ObjectMeta meta = response.meta();
  if (!writer.publish_head(meta)) co_return false;
  for (std::string_view rest = body; !rest.empty();) {
    auto room = co_await writer.prepare(deadline);
    if (!room) co_return false;
    const std::size_t size = std::min<std::size_t>({room->size(), rest.size(), 5'000});
    rest.copy(room->data(), size);
    writer.commit(size);
    rest.remove_prefix(size);
    co_await io::yield();
  }
  writer.finish();
  co_return true;
}

TEST(Fill, ReadersOnOtherReactorsGetEveryByte) {
  for (const ByteCount max_object : {mib(2), kib(64)}) {
    const auto cache = open_cache(max_object);
    const SampleResponse response = sample("/a");
    std::string body;
    for (int i = 0; i < 1'000'000; ++i) body += static_cast<char>(i * 7 % 251);
    Joined lead = join(*cache, response);
    std::vector<std::string> got(4);
    std::vector<std::thread> threads;
    for (std::string& mine : got) {
      threads.emplace_back([&mine, fill = join(*cache, response).follow] {
        io::Reactor reactor;
        mine = reactor.block_on(follow(fill));
      });
    }
    while (lead.lead.fill().readers() < got.size()) std::this_thread::yield();
    io::Reactor reactor;
    EXPECT_TRUE(reactor.block_on(produce(std::move(lead.lead), response, body)));
    for (std::thread& thread : threads) thread.join();
    int whole = 0;
    for (const std::string& mine : got) whole += mine == body ? 1 : 0;
    // In a window the slow may fall behind, the fastest never does.
    EXPECT_GE(whole, max_object == mib(2) ? 4 : 1);
    for (const std::string& mine : got) EXPECT_TRUE(mine == body || mine == "broken");
  }
}

TEST(Fill, WaitingForAHeadEndsAtTheDeadline) {
  const auto cache = open_cache();
  const SampleResponse response = sample("/a");
  Joined lead = join(*cache, response);
  FillReader reader(join(*cache, response).follow);
  io::Reactor reactor;
  EXPECT_EQ(reactor.block_on(reader.wait_for_head(reactor.in(milliseconds(5)))), FillState::kHeadPending);
  EXPECT_EQ(reactor.block_on(reader.read(reactor.in(milliseconds(5)))), FillReader::Next::kWait);
}

}  // namespace
}  // namespace yz::cache
