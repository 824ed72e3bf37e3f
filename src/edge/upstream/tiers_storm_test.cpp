#include <set>

#include "base/file.h"
#include "edge/upstream/testing.h"

namespace yz::edge::testing {
namespace {

/// Two L1 nodes (1, 2) and two L2 nodes (3, 4) under one configuration before one origin.
class TiersStorm : public ::testing::Test {
 protected:
  TiersStorm()
      : origin_([this](Exchange& exchange) -> io::Task<void> {
          const auto& fields = exchange.request().fields;
          if (fields.has(http::FieldId::kIfNoneMatch)) ++validations_;
          if (delay_.load().count() > 0) co_await io::sleep_for(delay_);
          http::HeaderMap headers{{"Cache-Control", "max-age=3600"}, {"ETag", "\"v\""}, {"Age", "100"}};
          if (fields.value(http::FieldId::kIfNoneMatch) == "\"v\"") {
            (void)co_await exchange.respond(304, std::move(headers), "");
          } else {
            (void)co_await exchange.respond(200, std::move(headers), "body");
          }
        }) {
    config_ = model::sample_snapshot();
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    model::Domain domain = *config_.domains.find({1});
    domain.cache_rules.clear();
    config_.put(domain, {1});
    for (const std::uint64_t id : {1, 2, 3, 4}) {
      Options options;
      options.listen = {net::testing::kAnyLoopback};
      options.node = {id};
      options.memory = mib(32);
      auto server = EdgeServer::start(std::move(options));
      EXPECT_TRUE(server) << (server ? "" : server.error().message);
      edges_[id] = std::move(*server);
      model::Node node = *config_.nodes.find({id});
      node.addresses = {edges_[id]->listening()[0].address};
      node.http_port = edges_[id]->listening()[0].port;
      config_.put(node, {1});
    }
    for (auto& [id, edge] : edges_) {
      EXPECT_TRUE(edge->apply_snapshot(model::encode(config_)));
      edge->set_ready(true);
    }
  }

  Reply get(std::uint64_t node, const std::string& path) {
    return ask(edges_[node]->listening()[0], "GET", path, "", "www.a.com");
  }
  /// Requests for each path at each L1 node, all at once.
  std::vector<Reply> get_everywhere(const std::vector<std::string>& paths) {
    std::vector<Reply> replies(paths.size() * 2);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      threads.emplace_back([&, i] { replies[i] = get(i % 2 + 1, paths[i / 2]); });
    }
    for (auto& thread : threads) thread.join();
    return replies;
  }
  static std::vector<std::string> paths(const std::string& prefix, int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(prefix + std::to_string(i));
    return out;
  }
  int asked(const std::vector<std::string>& at) {
    int sum = 0;
    for (const std::string& path : at) sum += origin_.count("GET " + path);
    return sum;
  }
  void purge_softly(std::uint64_t node, const std::string& path) {
    const model::PurgeRecord record{{1}, model::PurgeKind::kUrl, {1}, path, false, {}};
    ASSERT_TRUE(edges_[node]->apply_purges(model::encode(std::vector{record})));
  }

  std::atomic<int> validations_{0};
  std::atomic<std::chrono::milliseconds> delay_{0ms};
  FakeOrigin origin_;
  model::ConfigSnapshot config_;
  std::map<std::uint64_t, std::unique_ptr<EdgeServer>> edges_;
};

TEST_F(TiersStorm, AHerdOverTheWholeCdnIsOneFetch) {
  delay_ = 50ms;
  const std::vector<std::string> herd(25, "/herd");
  for (const Reply& reply : get_everywhere(herd)) EXPECT_EQ(reply.body, "body") << reply.head;
  EXPECT_EQ(origin_.count("GET /herd"), 1);
}

TEST_F(TiersStorm, ManyObjectsAreFetchedOnceEach) {
  const auto many = paths("/m", 30);
  for (const Reply& reply : get_everywhere(many)) EXPECT_EQ(reply.status, 200) << reply.head;
  EXPECT_EQ(asked(many), 30);
}

TEST_F(TiersStorm, ADeadSecondTierNodeCostsTheOriginItsOwnShareOnce) {
  const auto warm = paths("/w", 40);
  for (const std::string& path : warm) EXPECT_EQ(get(1, path).status, 200);
  const auto owned_by_dead = static_cast<int>(edges_[3]->store().stats().objects);
  ASSERT_GT(owned_by_dead, 5);
  edges_[3].reset();
  // The other L1 node has none of it: everything goes to the second tier, what the dead node held to the origin.
  std::vector<std::thread> load;
  std::atomic<int> failed{0};
  for (int t = 0; t < 4; ++t) {
    load.emplace_back([&, t] {
      for (std::size_t i = 0; i < warm.size(); ++i) {
        if (get(2, warm[(i + static_cast<std::size_t>(t) * 10) % warm.size()]).status != 200) ++failed;
      }
    });
  }
  for (auto& thread : load) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_LE(asked(warm), 40 + owned_by_dead);
}

TEST_F(TiersStorm, WithoutASecondTierEachNodeAsksTheOriginOnce) {
  edges_[3].reset();
  edges_[4].reset();
  delay_ = 20ms;
  const std::vector<std::string> herd(20, "/herd");
  for (const Reply& reply : get_everywhere(herd)) EXPECT_EQ(reply.status, 200) << reply.head;
  EXPECT_LE(origin_.count("GET /herd"), 2);
}

TEST_F(TiersStorm, AgeGrowsThroughTheTiersAndNeverShrinks) {
  const Reply first = get(1, "/a");
  EXPECT_GE(std::stoi(first.field("Age")), 100);
  const Reply again = get(1, "/a");
  EXPECT_TRUE(again.is_hit());
  EXPECT_GE(std::stoi(again.field("Age")), 100);
  const Reply elsewhere = get(2, "/a");
  EXPECT_GE(std::stoi(elsewhere.field("Age")), 100);
  EXPECT_EQ(origin_.count("GET /a"), 1);
}

TEST_F(TiersStorm, AValidationPassesAllTiersOnce) {
  EXPECT_EQ(get(1, "/a").body, "body");
  EXPECT_EQ(get(2, "/a").body, "body");
  for (const std::uint64_t id : {1, 2, 3, 4}) purge_softly(id, "/a");
  const Reply first = get(1, "/a");
  EXPECT_EQ(first.body, "body");
  EXPECT_EQ(validations_, 1);
  EXPECT_EQ(get(2, "/a").body, "body");
  EXPECT_EQ(validations_, 1) << "the second tier had just validated";
  EXPECT_EQ(origin_.count("GET /a"), 2);
}

TEST_F(TiersStorm, AnL1NodeAheadOfItsSecondTierValidatesThroughIt) {
  EXPECT_EQ(get(1, "/a").body, "body");
  purge_softly(1, "/a");  // the second tier comes later
  EXPECT_EQ(get(1, "/a").body, "body");
  EXPECT_EQ(origin_.count("GET /a"), 2);
  for (const std::uint64_t id : {3, 4}) purge_softly(id, "/a");
  EXPECT_TRUE(get(1, "/a").is_hit());
}

}  // namespace
}  // namespace yz::edge::testing
