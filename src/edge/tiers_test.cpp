#include <fstream>

#include "base/file.h"
#include "edge/testing.h"
#include "edge/upstream/peer_auth.h"
#include "io/tcp_stream.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::edge::testing {
namespace {

/// A free port of the loopback interface, taken and let go.
std::uint16_t free_port() {
  io::Reactor reactor;
  auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
  return listener ? listener->local().port : 0;
}

/// One L1 node (1) and two L2 nodes (3, 4) under one configuration, each an edge of its own in this process.
class Tiers : public ::testing::Test {
 protected:
  Tiers()
      : origin_([this](net::Exchange& exchange) -> io::Task<void> {
          http::HeaderMap headers{{"Cache-Control", "max-age=3600"}, {"ETag", "\"v\""}};
          if (exchange.request().path == "/film/x.m3u8") {
            headers.add("Content-Type", "application/vnd.apple.mpegurl");
            (void)co_await exchange.respond(200, std::move(headers), "#EXTM3U\n#EXTINF:4,\n1.ts\n");
            co_return;
          }
          (void)co_await exchange.respond(200, std::move(headers), "version " + std::to_string(version_.load()));
        }) {
    config_ = model::sample_snapshot();
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    model::Domain domain = *config_.domains.find({1});
    domain.cache_rules.clear();
    config_.put(domain, {1});
    for (const std::uint64_t id : {1, 3, 4}) {
      model::Node node = *config_.nodes.find({id});
      node.addresses = {IpAddress::v4(0x7F000001)};
      node.http_port = free_port();
      ports_[id] = node.http_port;
      config_.put(node, {1});
    }
    for (const std::uint64_t id : {1, 3, 4}) start(id);
  }

  void start(std::uint64_t id) {
    Options options;
    options.listen = {{IpAddress::v4(0x7F000001), ports_[id]}};
    options.admin = (folder_.path() / ("admin-" + std::to_string(id))).string();
    options.state = folder_.path() / ("state-" + std::to_string(id));
    options.node = {id};
    options.memory = mib(32);
    auto server = EdgeServer::start(std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    const auto applied = (*server)->apply_snapshot(model::encode(config_));
    ASSERT_TRUE(applied) << applied.error().message;
    (*server)->set_ready(true);
    edges_[id] = std::move(*server);
  }

  [[nodiscard]] Reply get(std::string_view path, std::string_view fields = "") {
    return ask(edges_[1]->listening()[0], "GET", path, fields, "www.a.com");
  }
  void purge(std::uint64_t id, std::uint64_t seq, const std::string& path) {
    const model::PurgeRecord record{{seq}, model::PurgeKind::kUrl, {1}, path, true, {}};
    ASSERT_TRUE(edges_[id]->apply_purges(model::encode(std::vector{record})));
  }

  TempFolder folder_;
  std::atomic<int> version_{1};
  FakeOrigin origin_;
  model::ConfigSnapshot config_;
  std::map<std::uint64_t, std::uint16_t> ports_;
  std::map<std::uint64_t, std::unique_ptr<EdgeServer>> edges_;
};

TEST_F(Tiers, AMissGoesThroughTheSecondTierOnceAndEachLevelKeepsACopy) {
  const Reply first = get("/a");
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.body, "version 1");
  EXPECT_TRUE(first.field("Via") == "1.1 node-3, 1.1 node-1" || first.field("Via") == "1.1 node-4, 1.1 node-1")
      << first.head;
  EXPECT_EQ(first.field("Yz-Born-Seq"), "");
  EXPECT_EQ(origin_.count("GET /a"), 1);
  EXPECT_EQ(origin_.last_field("Yz-Peer"), "");
  const auto l2_objects = edges_[3]->store().stats().objects + edges_[4]->store().stats().objects;
  EXPECT_EQ(l2_objects, 1U);
  EXPECT_TRUE(get("/a").is_hit());
}

TEST_F(Tiers, ManyObjectsSpreadOverTheSecondTier) {
  for (int i = 0; i < 40; ++i) (void)get("/" + std::to_string(i));
  EXPECT_GT(edges_[3]->store().stats().objects, 5U);
  EXPECT_GT(edges_[4]->store().stats().objects, 5U);
  EXPECT_EQ(edges_[3]->store().stats().objects + edges_[4]->store().stats().objects, 40U);
}

TEST_F(Tiers, DeadSecondTierNodesAreReplacedByTheOtherAndThenByTheOrigin) {
  edges_[3].reset();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get("/" + std::to_string(i)).status, 200);
  edges_[4].reset();
  for (int i = 10; i < 20; ++i) EXPECT_EQ(get("/" + std::to_string(i)).status, 200);
}

TEST_F(Tiers, APurgeOnTheFirstTierIsNotUndoneByASecondTierThatHasItNotYet) {
  EXPECT_EQ(get("/a").body, "version 1");
  version_ = 2;
  purge(1, 1, "/a");  // the second tier still has version 1, fresh, and knows of no purge
  EXPECT_EQ(get("/a").body, "version 2");
  for (const std::uint64_t id : {3, 4}) purge(id, 1, "/a");
  EXPECT_EQ(get("/a").body, "version 2");
}

TEST_F(Tiers, AnUnknownHostIsRefusedAndAnAliasSharesObjects) {
  EXPECT_EQ(ask(edges_[1]->listening()[0], "GET", "/a", "", "nobody.test").status, 404);
  (void)get("/a");
  EXPECT_TRUE(ask(edges_[1]->listening()[0], "GET", "/a", "", "a.com").is_hit());
}

TEST_F(Tiers, AMarkedPathIsServedAsTheHostItNames) {
  EXPECT_EQ(ask(edges_[1]->listening()[0], "GET", "/.yz/302/www.a.com/a", "", "127.0.0.1").body, "version 1");
  EXPECT_EQ(ask(edges_[1]->listening()[0], "GET", "/.yz/302/www.a.com/.yz/302/x/y", "", "127.0.0.1").status, 404);
  EXPECT_TRUE(get("/a").is_hit());
}

TEST_F(Tiers, ABadConfigurationIsRefusedAndTheOldOneStays) {
  model::ConfigSnapshot bad = config_;
  model::Domain domain = *bad.domains.find({1});
  domain.origin_group = {99};
  bad.put(domain, {2});
  EXPECT_EQ(edges_[1]->apply_snapshot(model::encode(bad)).error().code, Code::kInvalid);
  EXPECT_EQ(edges_[1]->apply_snapshot("garbage").error().code, Code::kCorrupt);
  EXPECT_EQ(get("/a").status, 200);
  EXPECT_EQ(edges_[1]->status().config.value, 1U);
}

TEST_F(Tiers, ADeltaIsInForceForTheNextRequest) {
  model::ConfigSnapshot next = config_;
  model::Domain domain = *next.domains.find({1});
  domain.aliases.push_back("new.test");
  next.put(domain, {2});
  const auto delta = model::encode(model::diff(config_, next));
  ASSERT_TRUE(edges_[1]->apply_delta(delta));
  EXPECT_EQ(edges_[1]->apply_delta(delta).error().code, Code::kConflict);
  EXPECT_EQ(ask(edges_[1]->listening()[0], "GET", "/a", "", "new.test").status, 200);  // though the second tier lags
  EXPECT_EQ(edges_[1]->status().config.value, 2U);
}

TEST_F(Tiers, UsageEqualsWhatClientsCounted) {
  std::uint64_t bytes = 0;
  for (int i = 0; i < 5; ++i) {
    const Reply reply = get("/a");
    bytes += reply.head.size() + 2 + reply.body.size();
  }
  edges_[1]->keep_house();
  std::uint64_t requests = 0;
  std::uint64_t counted = 0;
  const auto spool = folder_.path() / "state-1" / "usage";
  for (const auto& file : std::filesystem::directory_iterator(spool)) {
    const auto batch = model::decode_usage_batch(*read_file(file.path()));
    ASSERT_TRUE(batch);
    for (const auto& record : batch->records) {
      requests += record.counts.requests;
      counted += record.counts.bytes_out;
    }
  }
  EXPECT_EQ(requests, 5U);
  EXPECT_EQ(counted, bytes);
}

TEST_F(Tiers, TheAdminSocketAnswersItsAgent) {
  const auto call = [&](std::string request) {
    io::Reactor reactor;
    const auto path = (folder_.path() / "admin-1").string();
    return parse_reply(reactor.block_on([](std::string at, std::string text) -> io::Task<std::string> {
      auto stream = co_await io::connect_unix(at, io::Reactor::current().in(std::chrono::seconds(5)));
      if (!stream) co_return stream.error().message;
      (void)co_await stream->write_all(text, std::chrono::seconds(5));
      co_return co_await net::testing::read_up_to(*stream, SIZE_MAX);
    }(path, std::move(request))));
  };
  const auto post = [&](const std::string& target, const std::string& body) {
    return call("POST " + target + " HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  const auto fetch = [&](const std::string& target) {
    return call("GET " + target + " HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n");
  };
  EXPECT_NE(fetch("/status").body.find("\"config_seq\":1"), std::string::npos);
  const Reply prefetched = post("/prefetch", R"({"urls":["http://www.a.com/p","http://nobody.test/x","junk"]})");
  EXPECT_NE(prefetched.body.find("\"bytes\":9,\"ok\":true"), std::string::npos) << prefetched.body;
  EXPECT_NE(prefetched.body.find("the answer was 404"), std::string::npos);
  EXPECT_TRUE(get("/p").is_hit());
  const std::string film = R"({"urls":["http://www.a.com/film/x.m3u8","http://www.a.com/y.m3u8"])";
  EXPECT_EQ(post("/prefetch", film + "}").body.find("links"), std::string::npos) << "not asked for";
  const std::string read = post("/prefetch", film + R"(,"manifests":true})").body;
  EXPECT_NE(read.find(R"("links":["http://www.a.com/film/1.ts"])"), std::string::npos) << read;
  EXPECT_NE(read.find("the manifest cannot be read: not a playlist"), std::string::npos) << read;
  EXPECT_NE(fetch("/why?url=http://www.a.com/p").body.find("\"verdict\": \"hit\""), std::string::npos);
  EXPECT_NE(fetch("/metrics").body.find("yz_edge_requests_total"), std::string::npos);
  EXPECT_EQ(post("/purge", "junk").status, 400);
  EXPECT_EQ(post("/ready", "{}").status, 400);
  EXPECT_EQ(post("/ready", R"({"ready":false})").status, 200);
  EXPECT_EQ(get("/.yz/healthz").status, 503);
  EXPECT_EQ(post("/purge/resync", R"({"seq":5})").body, "{\"applied\":5}\n");
}

}  // namespace
}  // namespace yz::edge::testing
