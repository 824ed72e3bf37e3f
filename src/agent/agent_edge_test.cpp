#include <atomic>

#include "agent/agent_fixture.h"
#include "model/sample_snapshot.h"
#include "net/http_server.h"
#include "net/test_support.h"

// The agent with the real yz-edge, an origin behind it and viewers before it.

namespace yz::agent {
namespace {

std::uint16_t free_port() {
  io::Reactor reactor;
  auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
  return listener ? listener->local().port : 0;
}

std::string edge_settings(std::uint16_t port) {
  return "{listen: [\"127.0.0.1:" + std::to_string(port) + "\"], memory: 32MiB}";
}

class AgentEdgeTest : public AgentFixture {
 protected:
  AgentEdgeTest() : AgentEdgeTest(free_port()) {}
  explicit AgentEdgeTest(std::uint16_t port)
      : AgentFixture(YZ_AGENT_PROGRAM, YZ_EDGE_PROGRAM, edge_settings(port)), edge_port_(port) {
    origin_thread_.run_and_wait([this](io::Reactor& reactor) {
      origin_ = std::make_unique<net::HttpServer>(reactor, handler_);
      origin_at_ = origin_->listen(net::testing::kAnyLoopback).value();
    });
  }
  ~AgentEdgeTest() override {
    stop_agent();
    origin_thread_.run_and_wait([this](io::Reactor&) { origin_.reset(); });
  }

  void join_with_a_domain() {
    model::ConfigSnapshot config = model::sample_snapshot();
    const model::ConfigSeq at = config.seq;
    for (const std::uint64_t id : {3, 4}) config.remove({model::ResourceKind::kNode, id}, at);  // no second tier
    model::OriginGroup origins = *config.origin_groups.find({1});
    origins.origins = {{to_string(origin_at_.address), origin_at_.port, 1, false, false}};
    config.put(origins, at);
    model::Node node = *config.nodes.find({1});
    node.id = {7}, node.name = "n7", node.addresses = {IpAddress::v4(0x7F000001)}, node.http_port = edge_port_;
    config.put(node, at);
    model::Domain domain = *config.domains.find({1});
    domain.cache_rules.clear();
    config.put(domain, at);
    control.publish_config({at, std::make_shared<const std::string>(model::encode(config))}, {});
    start_agent(true);
    ASSERT_TRUE(control.wait_until_ready()) << log() << edge_log();
  }

  std::string get(const std::string& path) {
    io::Reactor reactor;
    std::string answer = reactor.block_on(
        net::testing::exchange_text({IpAddress::v4(0x7F000001), edge_port_},
                                    "GET " + path + " HTTP/1.1\r\nHost: www.a.com\r\nConnection: close\r\n\r\n"));
    ++asked_;
    received_ += answer.size();
    return answer;
  }
  std::string body(const std::string& path) { return net::testing::body_of(get(path)); }
  [[nodiscard]] std::string edge_log() const { return read_file(state() / "edge.log").value_or(""); }
  /// Requests by number, so that a purge of record N is one of "/N".
  void ask_many(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(get("/" + std::to_string(i % 7)).starts_with("HTTP/1.1 200")) << i << log() << edge_log();
    }
  }
  void wait_for_a_new_edge(pid_t before) {
    ASSERT_TRUE(eventually([&] { return edge_pid() != 0 && edge_pid() != before && is_healthy(); })) << log();
  }
  [[nodiscard]] bool is_healthy() const {
    io::Reactor reactor;
    const auto ask = [](Endpoint at) -> io::Task<std::string> {
      auto stream = co_await io::connect(at, io::Reactor::current().in(1s));
      if (!stream) co_return "";
      const std::string request = "GET /.yz/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
      if (!co_await stream->write_all(request, 1s)) co_return "";
      co_return co_await net::testing::read_up_to(*stream, SIZE_MAX);
    };
    return reactor.block_on(ask({IpAddress::v4(0x7F000001), edge_port_})).starts_with("HTTP/1.1 200");
  }

  const std::uint16_t edge_port_;
  std::atomic<int> version_{1};
  std::uint64_t asked_ = 0;
  std::uint64_t received_ = 0;

 private:
  net::testing::FunctionHandler handler_{[this](net::Exchange& exchange) -> io::Task<void> {
    http::HeaderMap headers{{"Cache-Control", "max-age=3600"}};
    (void)co_await exchange.respond(200, std::move(headers), "version " + std::to_string(version_.load()));
  }};
  io::ReactorThread origin_thread_{"origin"};
  std::unique_ptr<net::HttpServer> origin_;
  Endpoint origin_at_;
};

TEST_F(AgentEdgeTest, AConfiguredEdgeServesAndAPurgeReachesIt) {
  join_with_a_domain();
  EXPECT_TRUE(is_healthy());
  EXPECT_EQ(body("/1"), "version 1");
  version_ = 2;
  EXPECT_EQ(body("/1"), "version 1") << "cached";
  control.publish_purges(1);  // "/1"
  ASSERT_TRUE(control.wait_for("purged 1"));
  EXPECT_EQ(body("/1"), "version 2");
}

TEST_F(AgentEdgeTest, AKilledEdgeServesAgainWithItsConfiguration) {
  join_with_a_domain();
  const pid_t before = edge_pid();
  ASSERT_GT(before, 0);
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  wait_for_a_new_edge(before);
  EXPECT_EQ(body("/1"), "version 1");
  EXPECT_TRUE(control.wait_until_ready());
}

TEST_F(AgentEdgeTest, PurgesMissedByAKilledAgentAreAppliedBeforeItIsReady) {
  join_with_a_domain();
  control.publish_purges(2);
  ASSERT_TRUE(control.wait_for("purged 2"));
  EXPECT_EQ(body("/3"), "version 1");
  kill_agent();
  ASSERT_TRUE(control.wait_until_gone());
  version_ = 2;
  control.publish_purges(3);
  start_agent();
  ASSERT_TRUE(control.wait_until_ready()) << log() << edge_log();
  EXPECT_EQ(body("/3"), "version 2");
  EXPECT_TRUE(is_healthy());
}

TEST_F(AgentEdgeTest, WithoutControlTheEdgeServesFromDiskAfterARestart) {
  join_with_a_domain();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(state() / "config.snapshot"); }));
  kill_agent();
  control.stop();
  start_agent();
  ASSERT_TRUE(eventually([&] { return is_healthy(); })) << log() << edge_log();
  EXPECT_EQ(body("/1"), "version 1");
}

TEST_F(AgentEdgeTest, UsageEqualsWhatViewersSawThroughKillsOfEdgeAgentAndControl) {
  join_with_a_domain();
  ask_many(100);
  const pid_t before = edge_pid();
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  wait_for_a_new_edge(before);
  ask_many(100);
  control.acknowledge_usage(false);
  ask_many(50);
  ASSERT_TRUE(eventually([&] { return control.usage_totals().requests > 100; }));
  kill_agent();
  ASSERT_TRUE(control.wait_until_gone());
  control.acknowledge_usage(true);
  start_agent();
  ASSERT_TRUE(control.wait_until_ready()) << log() << edge_log();
  ask_many(50);
  control.stop();
  ask_many(50);
  control.start();
  EXPECT_TRUE(eventually([&] { return control.usage_totals().requests >= asked_; }));
  EXPECT_EQ(control.usage_totals().requests, asked_);
  EXPECT_EQ(control.usage_totals().bytes_out, received_);
}

}  // namespace
}  // namespace yz::agent
