#include <algorithm>

#include <gtest/gtest.h>

#include "control/test_cluster.h"
#include "model/codec.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::Response;
using test::TestControl;

class Nodes : public testing::Test {
 protected:
  std::unique_ptr<FakeNode> join(std::uint64_t node) {
    return std::make_unique<FakeNode>(control_, control_.join_token(node));
  }
  std::unique_ptr<FakeNode> join_scheduler() {
    return std::make_unique<FakeNode>(control_, control_.scheduler_token(), rpc::Role::kScheduler);
  }
  std::uint64_t head() { return control_.get("/healthz").json()["config_seq"]; }
  static bool has(const FakeNode& node, std::uint64_t seq) { return node.config->seq.value >= seq; }
  json refresh(const json& body) {
    const Response answer = control_.post("/api/v1/refresh", body);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.json();
  }
  json task(const json& accepted) {
    return control_.get("/api/v1/tasks/" + std::to_string(accepted["id"].get<std::uint64_t>())).json();
  }
  /// What a node has done shows a moment after it did it: its acknowledgement is on the way.
  bool becomes_done(const json& accepted) {
    for (int i = 0; i < 500; ++i) {
      if (task(accepted)["nodes"][0]["state"] == "done") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  json wait_for_task(const json& accepted) {
    const auto events =
        control_.events("/api/v1/tasks/" + std::to_string(accepted["id"].get<std::uint64_t>()) + "/events", "done");
    return events.empty() ? json() : events.back().second;
  }

  TestControl control_;
};

TEST_F(Nodes, AJoinTokenIsGoodForOneNodeOnce) {
  const TestControl::World world = control_.make_world(1);
  const std::string token = control_.join_token(world.nodes[0]);
  const auto first = rpc::enrol({control_.node_address(), token, rpc::Role::kEdge, "n", std::chrono::seconds(5)});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->node.value, world.nodes[0]);
  const auto second = rpc::enrol({control_.node_address(), token, rpc::Role::kEdge, "n", std::chrono::seconds(5)});
  EXPECT_FALSE(second);
  const auto wrong_role =
      rpc::enrol({control_.node_address(), control_.scheduler_token(), rpc::Role::kEdge, "n", std::chrono::seconds(5)});
  EXPECT_FALSE(wrong_role);
  EXPECT_EQ(control_.post("/api/v1/nodes/join-tokens", {{"role", "edge"}, {"node", 999}}).status, 422);
}

TEST_F(Nodes, AChangeReachesEveryNodeAsADelta) {
  const TestControl::World world = control_.make_world(2);
  const auto a = join(world.nodes[0]);
  const auto b = join(world.nodes[1]);
  const std::uint64_t start = head();
  ASSERT_TRUE(a->wait([&] { return has(*a, start); }));
  ASSERT_TRUE(b->wait([&] { return has(*b, start); }));
  const Response changed = control_.call("PATCH", "/api/v1/domains/" + std::to_string(world.domain),
                                         R"({"correction":true})", {{"If-Match", "*"}});
  ASSERT_EQ(changed.status, 200);
  for (FakeNode* node : {a.get(), b.get()}) {
    EXPECT_TRUE(node->wait([&] { return has(*node, start + 1); }));
    EXPECT_TRUE(node->config->domains.find(model::DomainId{world.domain})->correction);
  }
  const auto events = control_.events("/api/v1/config/rollout/events", "rollout");
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].second["seq"], start + 1);
}

TEST_F(Nodes, SchedulersHearOfAChangeOnlyAfterTheEdges) {
  const TestControl::World world = control_.make_world(1);
  const auto edge = join(world.nodes[0]);
  const auto scheduler = join_scheduler();
  const std::uint64_t start = head();
  ASSERT_TRUE(edge->wait([&] { return has(*edge, start); }));
  ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, start); }));

  edge->acks_config = false;
  const std::uint64_t other =
      control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  ASSERT_TRUE(edge->wait([&] { return has(*edge, start + 1); }));
  EXPECT_EQ(control_.get("/api/v1/config/rollout").json()["phase"], "edges");
  EXPECT_FALSE(has(*scheduler, start + 1)) << "the barrier holds";
  edge->ack_config();
  EXPECT_TRUE(scheduler->wait([&] { return has(*scheduler, start + 1); }));
  // And what the scheduler was told about the edge, before it got the configuration, allows the domain.
  EXPECT_TRUE(std::ranges::any_of(scheduler->states, [&](const model::NodeState& state) {
    return state.node == edge->id() && state.acked_config.value == start + 1;
  }));

  // Taking away goes the other way round.
  scheduler->acks_config = false;
  ASSERT_EQ(control_.call("DELETE", "/api/v1/domains/" + std::to_string(other), "", {{"If-Match", "*"}}).status, 204);
  ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, start + 2); }));
  EXPECT_FALSE(has(*edge, start + 2));
  scheduler->ack_config();
  EXPECT_TRUE(edge->wait([&] { return has(*edge, start + 2); }));
}

TEST_F(Nodes, ASilentEdgeHoldsSchedulersUpForTwoSecondsAtMost) {
  const TestControl::World world = control_.make_world(1);
  const auto edge = join(world.nodes[0]);
  const auto scheduler = join_scheduler();
  const std::uint64_t start = head();
  ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, start); }));
  edge->acks_config = false;
  control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  EXPECT_TRUE(scheduler->wait([&] { return has(*scheduler, start + 1); }));
}

TEST_F(Nodes, ASchedulerThatComesWhileEdgesAreWaitedForIsNotForgotten) {
  const TestControl::World world = control_.make_world(1);
  const auto edge = join(world.nodes[0]);
  const std::uint64_t start = head();
  ASSERT_TRUE(edge->wait([&] { return has(*edge, start); }));
  edge->disconnect();
  edge->acks_config = false;
  control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  edge->connect();
  ASSERT_TRUE(edge->wait([&] { return has(*edge, start + 1); }));
  const auto scheduler = join_scheduler();
  ASSERT_TRUE(scheduler->wait([&] { return !scheduler->order.empty(); }));
  edge->ack_config();
  EXPECT_TRUE(scheduler->wait([&] { return has(*scheduler, start + 1); }));
}

TEST_F(Nodes, ARefusalIsShownWithItsReason) {
  const TestControl::World world = control_.make_world(1);
  const auto edge = join(world.nodes[0]);
  const auto scheduler = join_scheduler();
  const std::uint64_t start = head();
  ASSERT_TRUE(edge->wait([&] { return has(*edge, start); }));
  edge->refuses_config = true;
  control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, start + 1); }));
  const json rollout = control_.get("/api/v1/config/rollout").json();
  const auto node = std::ranges::find_if(rollout["nodes"], [](const json& n) { return n["role"] == "edge"; });
  ASSERT_NE(node, rollout["nodes"].end());
  EXPECT_EQ((*node)["state"], "refused") << rollout;
  EXPECT_EQ((*node)["reason"], "not to my taste");
  EXPECT_EQ((*node)["config_seq"], start);
  // It was offered as a delta and, refused, once more as a whole.
  EXPECT_EQ(std::ranges::count(edge->order, "config " + std::to_string(start + 1)), 2);
}

TEST_F(Nodes, ARepeatedRefreshIsDoneOnceAndAnsweredWithItsTask) {
  (void)control_.make_world(1);
  const std::string body = R"({"urls":["http://www.a.com/x.js"]})";
  const std::vector<std::pair<std::string, std::string>> key = {{"Idempotency-Key", "k-1"}};
  const json first = control_.call("POST", "/api/v1/refresh", body, key).json();
  const Response again = control_.call("POST", "/api/v1/refresh", body, key);
  EXPECT_EQ(again.status, 202) << again.body;
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(again.json()["id"], first["id"]);
  EXPECT_EQ(again.json()["first_seq"], first["first_seq"]);
  EXPECT_EQ(control_.get("/api/v1/tasks").json()["items"].size(), 1U);
}

TEST_F(Nodes, ARefreshIsAppliedEverywhereAndSaysSo) {
  const TestControl::World world = control_.make_world(3);
  const auto a = join(world.nodes[0]);
  const auto b = join(world.nodes[1]);
  const std::uint64_t start = head();
  ASSERT_TRUE(a->wait([&] { return has(*a, start); }));
  ASSERT_TRUE(b->wait([&] { return has(*b, start); }));

  const json accepted = refresh({{"urls", {"http://www.a.com/x.js"}}, {"directories", {"http://www.a.com/img/"}}});
  EXPECT_EQ(accepted["last_seq"].get<int>() - accepted["first_seq"].get<int>(), 1);
  const json done = wait_for_task(accepted);
  EXPECT_EQ(done["state"], "complete") << done;
  EXPECT_EQ(done["progress"]["done"], 2);
  EXPECT_EQ(done["progress"]["away"], 1) << "the third node never joined";
  EXPECT_EQ(done["progress"]["percent"], 100);
  ASSERT_EQ(a->purges.size(), 2U);
  EXPECT_EQ(a->purges[0].key, "/x.js");
  EXPECT_EQ(a->purges[1].kind, model::PurgeKind::kDirectory);
  EXPECT_EQ(task(accepted)["state"], "complete");
}

TEST_F(Nodes, ANodeThatWasAwayGetsWhatItMissed) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  refresh({{"domains", {"www.a.com"}}});
  ASSERT_TRUE(node->wait([&] { return node->applied.value == 1; }));
  node->disconnect();
  json missed;
  for (int i = 0; i < 3; ++i) missed = refresh({{"urls", {"http://www.a.com/" + std::to_string(i)}}});
  EXPECT_EQ(wait_for_task(missed)["state"], "complete") << "a dead node holds nothing up";
  EXPECT_EQ(task(missed)["nodes"][0]["state"], "away");
  node->connect();
  EXPECT_TRUE(node->wait([&] { return node->applied.value == 4; }));
  EXPECT_TRUE(becomes_done(missed)) << task(missed);
}

TEST_F(Nodes, ATaskDoesNotWaitForANodeThatGoesAway) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  node->acks_purges = false;
  const json accepted = refresh({{"domains", {"www.a.com"}}});
  ASSERT_TRUE(node->wait([&] { return node->applied.value == 1; }));
  EXPECT_EQ(task(accepted)["nodes"][0]["state"], "waiting");
  node->disconnect();
  EXPECT_EQ(wait_for_task(accepted)["state"], "complete");
  node->connect();  // says in its hello what it has applied
  ASSERT_TRUE(node->wait([&] { return std::ranges::count(node->order, "welcome") == 2; }));
  EXPECT_TRUE(becomes_done(accepted)) << task(accepted);
}

TEST_F(Nodes, RefreshesAtOnceShareTransactionsAndAllAreDone) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  std::vector<std::thread> callers;
  std::atomic<int> accepted{0};
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const std::string url = "http://www.a.com/" + std::to_string(i) + "/" + std::to_string(n);
        if (control_.post("/api/v1/refresh", {{"urls", {url}}}).status == 202) ++accepted;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(accepted, 80);
  EXPECT_TRUE(node->wait([&] { return node->applied.value == 80; }));
}

/// The share of a run that the product's promise is about, in milliseconds.
double p99(std::vector<double> times) {
  std::ranges::sort(times);
  return times.empty() ? 0 : times[times.size() * 99 / 100];
}

TEST_F(Nodes, HundredsOfRefreshesAndChangesInARowAllComeIntoForce) {
  const TestControl::World world = control_.make_world(4);
  std::vector<std::unique_ptr<FakeNode>> nodes;
  for (const std::uint64_t id : world.nodes) nodes.push_back(join(id));
  const auto scheduler = join_scheduler();
  const std::uint64_t start = head();
  for (const auto& node : nodes) ASSERT_TRUE(node->wait([&] { return has(*node, start); }));
  ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, start); }));

  std::vector<double> refreshes;
  for (int i = 0; i < 200; ++i) {
    const MonoTime began = SystemClock::instance().mono();
    const json accepted = refresh({{"urls", {"http://www.a.com/" + std::to_string(i)}}});
    ASSERT_EQ(wait_for_task(accepted)["state"], "complete");
    refreshes.push_back(std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - began).count());
  }
  std::vector<double> changes;
  for (int i = 0; i < 100; ++i) {
    const MonoTime began = SystemClock::instance().mono();
    const std::string body = json{{"stale_on_error", i + 1}}.dump();
    ASSERT_EQ(
        control_.call("PATCH", "/api/v1/domains/" + std::to_string(world.domain), body, {{"If-Match", "*"}}).status,
        200);
    const std::uint64_t seq = start + static_cast<std::uint64_t>(i) + 1;
    ASSERT_TRUE(scheduler->wait([&] { return has(*scheduler, seq); }));
    changes.push_back(std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - began).count());
  }
  RecordProperty("refresh_p99_ms", std::to_string(p99(refreshes)));
  // What is promised (50 and 500 ms) `yz demo` holds us to; here the machine is anybody's.
  RecordProperty("change_p99_ms", std::to_string(p99(changes)));
}

TEST_F(Nodes, NothingAcceptedIsLostWithARestart) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  node->acks_purges = false;
  const json accepted = refresh({{"domains", {"www.a.com"}}});
  ASSERT_TRUE(node->wait([&] { return node->applied.value == 1; }));
  control_.restart();
  EXPECT_EQ(task(accepted)["state"] == "failed", false);
  // The session is taken up again; the hello says what is done.
  const json done = wait_for_task(accepted);
  EXPECT_EQ(done["state"], "complete") << done;
  EXPECT_TRUE(becomes_done(accepted)) << task(accepted);
  const std::uint64_t start = head();
  control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  EXPECT_TRUE(node->wait([&] { return has(*node, start + 1); }));
}

TEST_F(Nodes, ANodeFromBeyondTheLogRevalidatesEverything) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  node->disconnect();
  node->applied = model::PurgeSeq{500};
  node->connect();
  EXPECT_TRUE(node->wait([&] { return node->resyncs == 1; }));
}

TEST_F(Nodes, UsageIsCountedOnceHoweverOftenItComes) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  model::UsageBatch batch;
  batch.node = node->id();
  batch.epoch = 7;
  batch.number = 1;
  model::UsageRecord record;
  record.key.minute = static_cast<std::uint32_t>(
      std::chrono::floor<std::chrono::minutes>(SystemClock::instance().wall().time_since_epoch()).count());
  record.key.domain = model::DomainId{world.domain};
  record.key.cache_result = model::CacheResult::kHit;
  record.counts.requests = 3;
  record.counts.bytes_out = 1000;
  batch.records = {record};
  const auto bytes = std::make_shared<const std::string>(model::encode(batch));
  for (int i = 0; i < 3; ++i) node->send(rpc::UsageShipment{7, 1, bytes});
  ASSERT_TRUE(node->wait([&] { return node->usage_acks.size() == 3; }));
  const json usage = control_.get("/api/v1/usage?domain=www.a.com").json();
  EXPECT_EQ(usage["total"]["requests"], 3) << usage;
  EXPECT_EQ(usage["total"]["hits"], 3);
  EXPECT_EQ(usage["total"]["bytes_out"], 1000);
  EXPECT_EQ(usage["points"].size(), 1U);
}

TEST_F(Nodes, DrainReachesNodeAndSchedulers) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  const auto scheduler = join_scheduler();
  ASSERT_TRUE(node->wait([&] { return has(*node, 1); }));
  model::Heartbeat heartbeat;
  heartbeat.ready = true;
  node->send(heartbeat);
  ASSERT_TRUE(scheduler->wait([&] {
    return std::ranges::any_of(scheduler->states, [](const model::NodeState& s) { return s.connected && s.ready; });
  }));
  const std::string path = "/api/v1/nodes/" + std::to_string(world.nodes[0]) + "/drain";
  ASSERT_EQ(control_.post(path, {{"draining", true}}).status, 200);
  EXPECT_TRUE(node->wait([&] { return std::ranges::count(node->order, "drain 1") == 1; }));
  EXPECT_TRUE(scheduler->wait(
      [&] { return std::ranges::any_of(scheduler->states, [](const model::NodeState& s) { return s.draining; }); }));
  EXPECT_EQ(control_.post(path, {{"draining", "yes"}}).status, 422);
  const json states = control_.get("/api/v1/node-states").json();
  EXPECT_EQ(states["items"][0]["draining"], true);
  EXPECT_EQ(states["schedulers"].size(), 1U);
}

TEST_F(Nodes, SchedulersHearOfADeadNodeAtOnce) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  const auto scheduler = join_scheduler();
  ASSERT_TRUE(scheduler->wait(
      [&] { return std::ranges::any_of(scheduler->states, [](const model::NodeState& s) { return s.connected; }); }));
  node->disconnect();
  EXPECT_TRUE(scheduler->wait(
      [&] { return std::ranges::any_of(scheduler->states, [](const model::NodeState& s) { return !s.connected; }); }));
}

TEST_F(Nodes, ExplainSaysWhyInWordsAndFields) {
  const TestControl::World world = control_.make_world(1);
  const auto node = join(world.nodes[0]);
  const std::uint64_t start = head();
  ASSERT_TRUE(node->wait([&] { return has(*node, start); }));
  const Response answer = control_.get("/api/v1/explain?name=www.a.com.cdn.test&address=1.2.4.8");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["domain"], "www.a.com");
  EXPECT_FALSE(answer.json()["text"].get<std::string>().empty());
  EXPECT_EQ(control_.get("/api/v1/explain?name=www.nowhere.com&address=1.2.4.8").status, 404);
  EXPECT_EQ(control_.get("/api/v1/explain?name=www.a.com&address=here").status, 400);
}

}  // namespace
}  // namespace yz::control
