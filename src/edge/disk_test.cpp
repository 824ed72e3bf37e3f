// The edge with a disk tier on devices that fail as told: whatever they do, clients see right answers.

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/random.h"
#include "cache/disk/testing.h"
#include "edge/testing_content.h"

namespace yz::edge {
namespace {

using testing::ask;
using testing::eventually;

std::unique_ptr<EdgeServer> start_on(const Endpoint& origin, const std::vector<std::shared_ptr<cache::Platter>>& disks,
                                     ByteCount memory = mib(8)) {
  Options options;
  options.listen = {net::testing::kAnyLoopback};
  options.origin = StandaloneOrigin{to_string(origin.address), origin.port, false};
  options.profile = http::Profile::kRfc;
  options.memory = memory;
  options.workers = 2;
  options.slice_size = kib(256);
  for (std::size_t i = 0; i < disks.size(); ++i) {
    options.disks.push_back({std::to_string(i), {disks[i]->bytes.size()}, false});
  }
  options.open_disk = [disks](const cache::DiskPlace& place) -> Result<std::unique_ptr<cache::BlockDevice>> {
    return std::make_unique<cache::FaultyDevice>(disks[std::stoul(place.path.native())], place.path.native());
  };
  auto server = EdgeServer::start(std::move(options));
  EXPECT_TRUE(server) << (server ? "" : server.error().message);
  return server ? std::move(*server) : nullptr;
}

std::string value_of(net::Exchange& exchange, std::string_view name) {
  return std::string(http::HeaderMap(exchange.request().fields).value(name).value_or("none"));
}

/// What a crash of now would leave.
std::shared_ptr<cache::Platter> copy_of(cache::Platter& platter) {
  auto copy = std::make_shared<cache::Platter>(0);
  copy->bytes = platter.copy();
  return copy;
}

/// How many records were written, with what is used in memory.
std::uint64_t stored(EdgeServer& edge) {
  for (int shard = 0; shard < 256; ++shard) edge.write_behind();
  edge.store().disk()->flush();
  return edge.store().disk()->stats().volumes.stored;
}

TEST(EdgeDisk, ARestartedEdgeServesWhatWasUsed) {
  testing::FakeOrigin origin([](net::Exchange& exchange) -> io::Task<void> {
    const bool varies = exchange.request().path == "/varies";
    const auto language = value_of(exchange, "Accept-Language");
    http::HeaderMap headers{{"Cache-Control", "max-age=600"}, {"ETag", "\"v1\""}};
    if (varies) headers.add("Vary", "Accept-Language");
    std::string body = varies ? "in " + language : std::string(20'000, 'b');
    (void)co_await exchange.respond(200, std::move(headers), std::move(body));
  });
  auto disk = std::make_shared<cache::Platter>(mib(16).value);
  auto edge = start_on(origin.endpoint(), {disk});
  for (int i = 0; i < 2; ++i) {
    (void)ask(edge->listening()[0], "GET", "/a");
    (void)ask(edge->listening()[0], "GET", "/varies", "Accept-Language: de\r\n");
    (void)ask(edge->listening()[0], "GET", "/varies", "Accept-Language: en\r\n");
  }
  ASSERT_TRUE(eventually([&] { return stored(*edge) >= 4; }));
  disk = copy_of(*disk);
  edge.reset();
  edge = start_on(origin.endpoint(), {disk});
  const auto first = ask(edge->listening()[0], "GET", "/a");
  EXPECT_EQ(first.body, std::string(20'000, 'b'));
  EXPECT_NE(first.field("Cache-Status").find("; hit"), std::string::npos) << first.head;
  EXPECT_NE(first.field("Cache-Status").find("detail=disk"), std::string::npos) << first.head;
  const auto second = ask(edge->listening()[0], "GET", "/a", "Range: bytes=10-19\r\n");
  EXPECT_EQ(second.status, 206);
  EXPECT_EQ(second.field("Cache-Status").find("detail=disk"), std::string::npos);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/varies", "Accept-Language: de\r\n").body, "in de");
  EXPECT_EQ(ask(edge->listening()[0], "HEAD", "/varies", "Accept-Language: en\r\n").status, 200);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/varies", "Accept-Language: en\r\n").body, "in en");
  EXPECT_EQ(origin.count("GET /a"), 1);
  EXPECT_EQ(origin.count("GET /varies"), 2);
  ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kHost, "a.test", "", true));
  EXPECT_FALSE(ask(edge->listening()[0], "GET", "/a").is_hit());
}

TEST(EdgeDisk, AnEdgeThatIsStoppedLeavesAllThatIsUsedOnDisk) {
  const testing::Content content{100, 4'000};
  testing::FakeOrigin origin(
      [&](net::Exchange& exchange) -> io::Task<void> { return testing::answer_content(exchange, content); });
  auto disk = std::make_shared<cache::Platter>(mib(32).value);
  auto edge = start_on(origin.endpoint(), {disk}, mib(32));
  constexpr std::uint64_t kObjects = 300;
  const auto ask_all = [&](int times, testing::Seen& seen) {
    std::uint64_t asked = 0;
    const auto next = [&](unsigned) {
      const std::uint64_t number = asked++;
      return number < kObjects * static_cast<std::uint64_t>(times) ? number % kObjects
                                                                   : testing::ContentClients::kNoMore;
    };
    testing::ContentClients(edge->listening()[0], content, 1, next, seen).wait();
  };
  testing::Seen before;
  ask_all(2, before);
  edge->save();
  disk = copy_of(*disk);
  edge.reset();
  edge = start_on(origin.endpoint(), {disk}, mib(32));
  testing::Seen after;
  ask_all(1, after);
  EXPECT_EQ(after.from_disk, kObjects);
  EXPECT_EQ(after.wrong + after.broken, 0U) << after.first_trouble;
}

TEST(EdgeDisk, WhatIsStaleOnDiskIsValidatedAndStandsInWhenTheOriginFails) {
  std::atomic<bool> is_down{false};
  testing::FakeOrigin origin([&](net::Exchange& exchange) -> io::Task<void> {
    if (is_down) {
      (void)co_await exchange.respond(503, {}, "down");
      co_return;
    }
    http::HeaderMap headers{{"Cache-Control", "max-age=0, stale-if-error=600"}, {"ETag", "\"v1\""}};
    const bool confirms = exchange.request().fields.value(http::FieldId::kIfNoneMatch).value_or("") == "\"v1\"";
    (void)co_await exchange.respond(confirms ? 304 : 200, std::move(headers), confirms ? "" : "body");
  });
  auto disk = std::make_shared<cache::Platter>(mib(16).value);
  auto edge = start_on(origin.endpoint(), {disk});
  for (int i = 0; i < 3; ++i) (void)ask(edge->listening()[0], "GET", "/s");
  // Every answer was validated, none was a hit: it is written when memory lets go of it; here at once.
  auto found = edge->store().lookup(cache::primary_key("a.test", "/s"), [](auto) { return Hash128{}; });
  ASSERT_TRUE(found.object);
  edge->store().disk()->evicted(found.object, true);
  found = {};
  ASSERT_GE(stored(*edge), 1U);
  disk = copy_of(*disk);
  edge.reset();
  edge = start_on(origin.endpoint(), {disk});
  const auto validated = ask(edge->listening()[0], "GET", "/s");
  EXPECT_EQ(validated.body, "body");
  EXPECT_NE(validated.field("Cache-Status").find("fwd=stale"), std::string::npos) << validated.head;
  edge.reset();
  is_down = true;
  edge = start_on(origin.endpoint(), {copy_of(*disk)});
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/s").body, "body");
}

TEST(EdgeDisk, LargeObjectsComeBackSliceBySlice) {
  const std::string body = testing::Content{9'000'000, 9'000'000}.body_of(1);
  testing::FakeOrigin origin([&](net::Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=600"}, {"ETag", "\"v1\""}};
    (void)co_await exchange.respond(200, std::move(headers), body);
  });
  auto disk = std::make_shared<cache::Platter>(mib(64).value);
  auto edge = start_on(origin.endpoint(), {disk}, mib(64));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(edge->listening()[0], "GET", "/large").body, body);
  ASSERT_TRUE(eventually([&] { return stored(*edge) >= 36; })) << stored(*edge);
  disk = copy_of(*disk);
  edge.reset();
  const int before = origin.count("GET /large");
  edge = start_on(origin.endpoint(), {disk}, mib(64));
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/large", "Range: bytes=5000000-5000099\r\n").body,
            body.substr(5'000'000, 100));
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/large").body, body);
  EXPECT_EQ(origin.count("GET /large"), before);
}

/// Sets one fault after the other, and none in between.
class Troublemaker {
 public:
  explicit Troublemaker(std::vector<std::shared_ptr<cache::Platter>> disks)
      : thread_([this, of = std::move(disks)] {
          Random random(3);
          while (!is_over_) {
            cache::Platter& disk = *of[random.below(of.size())];
            const auto what = random.below(6);
            if (what == 0) disk.read_errors = 1;
            disk.is_full = what == 1;
            if (what == 2) disk.flips = 1;
            if (what == 3) disk.tears = 1;
            disk.delay_ms = what == 4 ? 30 : 0;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            disk.is_full = false;
            disk.delay_ms = disk.read_errors = 0;
          }
        }) {}
  ~Troublemaker() {
    is_over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

TEST(EdgeDisk, NoFaultOfADeviceIsEverSeenByAClient) {
  const testing::Content content{100, 40'000};
  testing::FakeOrigin origin(
      [&](net::Exchange& exchange) -> io::Task<void> { return testing::answer_content(exchange, content); });
  const std::vector<std::shared_ptr<cache::Platter>> disks = {std::make_shared<cache::Platter>(mib(16).value),
                                                              std::make_shared<cache::Platter>(mib(24).value)};
  testing::Seen seen;
  for (int run = 0; run < 3; ++run) {
    auto edge = start_on(origin.endpoint(), disks);
    constexpr std::uint64_t kAsks = 2'500;
    {
      const Troublemaker trouble(disks);
      Random random(static_cast<std::uint64_t>(run));
      std::uint64_t asked = 0;  // all clients are on one thread
      const auto next = [&](unsigned) {
        return asked++ < kAsks ? random.below(600) : testing::ContentClients::kNoMore;
      };
      testing::ContentClients clients(edge->listening()[0], content, 16, next, seen);
      clients.wait();
    }
    const cache::CacheStats stats = edge->store().stats();
    EXPECT_LE(stats.memory_used, stats.memory_limit);
  }
  EXPECT_EQ(seen.answers, 7'500U);
  EXPECT_EQ(seen.wrong, 0U);
  EXPECT_EQ(seen.broken, 0U);
  EXPECT_GT(seen.from_disk, 0U);  // faults come by the clock: the slower the machine, the fewer
}

TEST(EdgeDisk, ADeviceThatDiesInTheMiddleIsDroppedAndTheOtherGoesOn) {
  const testing::Content content{100, 40'000};
  testing::FakeOrigin origin(
      [&](net::Exchange& exchange) -> io::Task<void> { return testing::answer_content(exchange, content); });
  const std::vector<std::shared_ptr<cache::Platter>> disks = {std::make_shared<cache::Platter>(mib(16).value),
                                                              std::make_shared<cache::Platter>(mib(16).value)};
  auto edge = start_on(origin.endpoint(), disks);
  testing::Seen seen;
  std::uint64_t asked = 0;
  const auto next = [&](unsigned) -> std::uint64_t {
    if (asked == 4'000) return testing::ContentClients::kNoMore;
    if (++asked == 2'000) disks[0]->reads_fail = disks[0]->writes_fail = true;
    return hash64(std::to_string(asked), 9) % 600;
  };
  testing::ContentClients(edge->listening()[0], content, 16, next, seen).wait();
  EXPECT_EQ(seen.answers, 4'000U);
  EXPECT_EQ(seen.wrong + seen.broken, 0U);
  const cache::DiskStats stats = edge->store().disk()->stats();
  EXPECT_EQ(stats.failed, 1U);
  EXPECT_EQ(stats.devices, 1U);
  EXPECT_GT(stats.hits, 50U);
}

TEST(EdgeDisk, SettingsAreReadAndRefusedClearly) {
  const auto read = [](std::vector<const char*> flags) {
    std::vector<const char*> argv = {"yz-edge", "--listen", "127.0.0.1:0", "--origin", "http://127.0.0.1:1"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return read_options(static_cast<int>(argv.size()), argv.data());
  };
  const auto options = read({"--disk", "/a/b:2GiB", "--disk", "/dev/sdx:1TiB:sparse", "--disk-write-rate", "1MiB"});
  ASSERT_TRUE(options) << options.error().message;
  ASSERT_EQ(options->disks.size(), 2U);
  EXPECT_EQ(options->disks[0].size, gib(2));
  EXPECT_TRUE(options->disks[1].is_sparse);
  EXPECT_EQ(options->disk_write_rate, mib(1));
  EXPECT_NE(read({"--disk", "/a/b"}).error().message.find("PATH:SIZE"), std::string::npos);
  EXPECT_NE(read({"--disk", "/a/b:1MiB"}).error().message.find("at least 8MiB"), std::string::npos);
  EXPECT_NE(read({"--disk", "/a:1GiB", "--disk", "/a:1GiB"}).error().message.find("once"), std::string::npos);
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "e.yaml", "disk: [/x:1GiB, /y:2GiB]\n"));
  const std::string file = (folder.path() / "e.yaml").native();
  EXPECT_EQ(read({"--config", file.c_str()})->disks.size(), 2U);
}

}  // namespace
}  // namespace yz::edge
