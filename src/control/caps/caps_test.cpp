// Caps over the API: who sets which, and what being reached does to the configuration that nodes get.

#include <algorithm>

#include <gtest/gtest.h>

#include "control/test_cluster.h"
#include "model/codec.h"

namespace yz::control {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class CapsApi : public test::OneNodeTest {
 protected:
  CapsApi() : test::OneNodeTest([](ControlSettings& settings) { settings.caps = quick(); }) {}

  static CapDesk::Options quick() {
    return {.look_every = 20ms, .note_every = 20ms, .first_rest = 2s, .longest_rest = 8s};
  }
  std::string path(std::uint64_t id) { return "/api/v1/caps/" + std::to_string(id); }
  /// `bytes` that viewers got this minute.
  void ship(std::uint64_t bytes, WallTime until = SystemClock::instance().wall()) {
    model::UsageRecord record;
    record.key.minute =
        static_cast<std::uint32_t>(std::chrono::floor<std::chrono::minutes>(until).time_since_epoch().count());
    record.key.domain = {world_.domain};
    record.counts.requests = 1;
    record.counts.bytes_out = bytes;
    const std::uint64_t number = ++number_;
    const model::UsageBatch batch{.node = {},
                                  .epoch = 1,
                                  .number = number,
                                  .records = {record},
                                  .covers_from = until - 1s,
                                  .covers_until = until};
    node_->send(rpc::UsageShipment{1, number, std::make_shared<const std::string>(model::encode(batch))});
    ASSERT_TRUE(node_->wait([&] { return node_->usage_acks.size() >= number; }));
  }
  bool is_suspended() {
    return node_->wait([&] { return node_->config->suspensions.size() == 1; });
  }
  bool is_free() {
    return node_->wait([&] { return node_->config->suspensions.size() == 0; });
  }
  /// Waits until the API tells it of the cap.
  json used_of(std::uint64_t id, double used) {
    json cap;
    for (int i = 0; i < 500; ++i) {
      cap = find(id);
      if (cap.value("used", -1.0) == used) break;
      std::this_thread::sleep_for(10ms);
    }
    return cap;
  }
  json find(std::uint64_t id) {
    const json page = control_.get("/api/v1/caps").json();
    for (const json& cap : page["items"]) {
      if (cap["id"] == id) return cap;
    }
    return {};
  }

  /// Until the node is back, too.
  void restart() {
    const auto welcomes = [this] { return std::ranges::count(node_->order, "welcome"); };
    std::ptrdiff_t before = 0;
    ASSERT_TRUE(node_->wait([&] { return (before = welcomes()) > 0; }));
    control_.restart();
    ASSERT_TRUE(node_->wait([&] { return welcomes() > before; }));
  }

  std::uint64_t number_ = 0;
};

TEST_F(CapsApi, AMonthsTrafficSuspendsItsDomainUntilTheCapIsRaised) {
  const auto id = control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 10'000}});
  ship(9'999);
  EXPECT_EQ(used_of(id, 9'999)["used"], 9'999);
  EXPECT_FALSE(find(id).contains("suspended_until"));
  ship(1);
  ASSERT_TRUE(is_suspended());
  const model::Suspension one = *node_->config->suspensions.begin()->second.value;
  EXPECT_EQ(one.domain, model::DomainId{world_.domain});
  EXPECT_EQ(one.tenant, model::TenantId{world_.tenant});
  EXPECT_EQ(one.cause, model::CapKind::kTraffic);
  const std::chrono::year_month_day end(std::chrono::floor<std::chrono::days>(one.until));
  EXPECT_EQ(end.day(), std::chrono::day(1)) << "without a contract months are those of UTC";
  const json cap = used_of(id, 10'000);
  EXPECT_EQ(cap["domain_name"], "www.a.com");
  EXPECT_EQ(cap["suspended_until"], format_rfc3339(one.until));
  EXPECT_TRUE(cap.contains("reached"));
  EXPECT_EQ(control_.call("PATCH", path(id), R"({"limit": 20000})").json()["limit"], 20'000);
  EXPECT_TRUE(is_free());
  ship(50'000);
  EXPECT_TRUE(is_suspended());
  EXPECT_EQ(control_.call("DELETE", path(id)).status, 204);
  EXPECT_TRUE(is_free());
}

TEST_F(CapsApi, TrafficOfBeforeTheCapCountsAndOtherMonthsDoNot) {
  ship(700);
  ship(1'000'000, SystemClock::instance().wall() - std::chrono::days(40));
  const auto id = control_.create("caps", {{"tenant", world_.tenant}, {"kind", "traffic"}, {"limit", 701}});
  EXPECT_EQ(used_of(id, 700)["used"], 700);
  ship(1);
  ASSERT_TRUE(is_suspended());
  EXPECT_FALSE(node_->config->suspensions.begin()->second.value->domain) << "all of the tenant's";
}

TEST_F(CapsApi, TooMuchBandwidthSuspendsForAWhileAndLongerWhenItComesBack) {
  control_.create("caps", {{"domain", world_.domain}, {"kind", "bandwidth"}, {"limit", 80'000}});
  ship(10'000);  // 16 kbit/s over five seconds
  ship(1'000'000);
  ASSERT_TRUE(is_suspended());
  const WallTime first = node_->config->suspensions.begin()->second.value->until;
  EXPECT_NEAR(static_cast<double>((first - SystemClock::instance().wall()) / 1ms), 2'000, 1'000);
  // The window of the meter is longer than the rest here: it is still too much, and suspended again at once.
  ASSERT_TRUE(is_free());
  ASSERT_TRUE(is_suspended());
  const WallTime second = node_->config->suspensions.begin()->second.value->until;
  EXPECT_GT(second - first, 3s) << "doubled";
  ASSERT_TRUE(is_free());
  EXPECT_FALSE(node_->wait([&] { return node_->config->suspensions.size() == 1; }));
}

TEST_F(CapsApi, WhatAMonthCostsSuspendsTheTenant) {
  const auto id = control_.create("caps", {{"tenant", world_.tenant}, {"kind", "spend"}, {"limit", 6}});
  ship(1'000'000'000);
  EXPECT_EQ(used_of(id, 0)["used"], 0) << "without a contract nothing costs anything";
  const auto plan = control_.create("plans", {{"name", "standard"}, {"plan", json::parse(R"({
      "regions": [{"name": "all", "countries": ["*"]}],
      "items": [{"id": "t", "label": "Traffic", "mode": "traffic", "regions": ["all"], "price": "2"}]})")}});
  control_.create("contracts", {{"tenant", world_.tenant}, {"plan", plan}, {"from", "2024-10-01"}});
  ship(1'500'000'000);
  EXPECT_EQ(used_of(id, 5)["used"], 5);
  ship(500'000'000);
  ASSERT_TRUE(is_suspended());
  EXPECT_EQ(node_->config->suspensions.begin()->second.value->cause, model::CapKind::kSpend);
}

TEST_F(CapsApi, ASuspensionGoesWithItsDomain) {
  control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 1}});
  ship(5);
  ASSERT_TRUE(is_suspended());
  EXPECT_EQ(control_.call("DELETE", "/api/v1/domains/" + std::to_string(world_.domain), "", {{"If-Match", "*"}}).status,
            204);
  EXPECT_TRUE(is_free());
  EXPECT_TRUE(control_.get("/api/v1/caps").json()["items"].empty());
}

TEST_F(CapsApi, ControlGoesOnAfterARestart) {
  const auto id = control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 100}});
  ship(60);
  EXPECT_EQ(used_of(id, 60)["used"], 60);
  restart();
  ship(40);
  ASSERT_TRUE(is_suspended());
  restart();
  EXPECT_EQ(control_.call("PATCH", path(id), R"({"limit": 101})").status, 200);
  EXPECT_TRUE(is_free());
}

TEST_F(CapsApi, RollingBackLeavesSuspensionsAlone) {
  const auto before = control_.get("/api/v1/config/versions").json()["items"][0]["seq"];
  control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 1}});
  ship(5);
  ASSERT_TRUE(is_suspended());
  const auto back = control_.post("/api/v1/config/rollback", {{"to", before}});
  EXPECT_LT(back.status, 500) << back.body;
  EXPECT_TRUE(is_suspended());
}

TEST_F(CapsApi, WhatTheOperatorSetsATenantSeesAndCannotChange) {
  const std::string tenant = control_.tenant_token(world_.tenant);
  const auto id = control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 100}});
  const json seen = control_.call("GET", "/api/v1/caps", "", {}, tenant).json()["items"];
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0]["set_by"], "operator");
  EXPECT_EQ(control_.call("PATCH", path(id), R"({"limit": 5})", {}, tenant).status, 403);
  EXPECT_EQ(control_.call("DELETE", path(id), "", {}, tenant).status, 403);
  const auto own = control_.call("POST", "/api/v1/caps", R"({"kind": "traffic", "limit": 50})", {}, tenant);
  ASSERT_EQ(own.status, 201) << own.body;
  EXPECT_EQ(own.json()["set_by"], "tenant");
  EXPECT_EQ(control_.call("POST", "/api/v1/caps", R"({"kind": "traffic", "limit": 60})", {}, tenant).status, 409);
  EXPECT_EQ(control_.call("DELETE", path(own.json()["id"]), "", {}, tenant).status, 204);
}

TEST_F(CapsApi, ListsWhatIsSuspendedOrWhatIsNot) {
  const auto reached = control_.create("caps", {{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 1}});
  const auto far =
      control_.create("caps", {{"domain", world_.domain}, {"kind", "bandwidth"}, {"limit", 1'000'000'000}});
  const auto ids = [this](const std::string& query) {
    std::vector<std::uint64_t> out;
    const json page = control_.get("/api/v1/caps?" + query).json();
    for (const json& cap : page["items"]) out.push_back(cap["id"]);
    return out;
  };
  const auto only = [](std::uint64_t id) { return std::vector<std::uint64_t>{id}; };
  EXPECT_TRUE(ids("suspended=true").empty());
  EXPECT_EQ(ids("suspended=false").size(), 2U);
  ship(5);
  ASSERT_TRUE(is_suspended());
  EXPECT_EQ(ids("suspended=true"), only(reached));
  EXPECT_EQ(ids("suspended=false"), only(far));
  EXPECT_EQ(ids("suspended=true&tenant=" + std::to_string(world_.tenant)), only(reached));
  EXPECT_EQ(ids("").size(), 2U);
  EXPECT_EQ(control_.get("/api/v1/caps?suspended=yes").status, 400);
}

TEST_F(CapsApi, SaysWhatIsWrong) {
  const auto pointer = [&](const json& body) {
    const auto answer = control_.post("/api/v1/caps", body);
    EXPECT_EQ(answer.status, 422) << answer.body;
    return answer.json()["errors"][0].value("pointer", "");
  };
  EXPECT_EQ(pointer({{"kind", "traffic"}, {"limit", 5}}), "/tenant");
  EXPECT_EQ(pointer({{"tenant", 77}, {"kind", "traffic"}, {"limit", 5}}), "/tenant");
  EXPECT_EQ(pointer({{"domain", 77}, {"kind", "traffic"}, {"limit", 5}}), "/domain");
  EXPECT_EQ(pointer({{"domain", world_.domain}, {"kind", "spend"}, {"limit", 5}}), "/domain");
  EXPECT_EQ(pointer({{"domain", world_.domain}, {"kind", "speed"}, {"limit", 5}}), "/kind");
  EXPECT_EQ(pointer({{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 0}}), "/limit");
  EXPECT_EQ(pointer({{"domain", world_.domain}, {"kind", "traffic"}, {"limit", 1ULL << 60}}), "/limit");
  EXPECT_EQ(control_.call("PATCH", path(77), R"({"limit": 5})").status, 404);
}

}  // namespace
}  // namespace yz::control
