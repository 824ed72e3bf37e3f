// Charts over the API: dimensions, steps, who sees what, what is missing, CSV.

#include <gtest/gtest.h>

#include "control/test_cluster.h"
#include "model/codec.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::OneNodeTest;

constexpr std::uint32_t kMidnight = 20'000 * 1440;  // 2024-10-04T00:00:00Z
const std::string kThatDay = "/api/v1/statistics?from=2024-10-04T00:00:00Z&to=2024-10-05T00:00:00Z&";

class StatisticsApi : public OneNodeTest {
 protected:
  model::UsageRecord record(std::uint32_t minute, std::uint64_t requests) {
    model::UsageRecord out;
    out.key.minute = kMidnight + minute;
    out.key.domain = {world_.domain};
    out.key.cache_result = model::CacheResult::kHit;
    out.counts.requests = requests;
    out.counts.bytes_out = requests * 100;
    return out;
  }
  void ship(std::vector<model::UsageRecord> records, WallTime from = {}, WallTime until = {}) {
    const model::UsageBatch batch{.node = {},
                                  .epoch = 1,
                                  .number = ++number_,
                                  .records = std::move(records),
                                  .covers_from = from,
                                  .covers_until = until};
    node_->send(rpc::UsageShipment{1, number_, std::make_shared<const std::string>(model::encode(batch))});
    ASSERT_TRUE(node_->wait([&] { return node_->usage_acks.size() >= number_; }));
  }
  json ask(const std::string& question, const std::string& token = "operator") {
    const auto answer = control_.call("GET", kThatDay + question, "", {}, token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }

  std::uint64_t number_ = 0;
};

TEST_F(StatisticsApi, ASeriesHasANumberForEveryTime) {
  ship({record(0, 1), record(61, 2), record(1439, 4)});
  const json chart = ask("interval=1h");
  ASSERT_EQ(chart["times"].size(), 24U);
  EXPECT_EQ(chart["times"][0], std::uint64_t{kMidnight} * 60);
  ASSERT_EQ(chart["series"].size(), 1U);
  const json& series = chart["series"][0];
  EXPECT_EQ(series["key"], "total");
  ASSERT_EQ(series["requests"].size(), 24U);
  EXPECT_EQ(series["requests"][0], 1);
  EXPECT_EQ(series["requests"][1], 2);
  EXPECT_EQ(series["requests"][2], 0);
  EXPECT_EQ(series["bytes_out"][23], 400);
  EXPECT_EQ(chart["total"]["hits"], 7);
  EXPECT_EQ(ask("interval=auto")["interval"], "1d") << "5 minutes are not kept for so long";
}

TEST_F(StatisticsApi, TrafficIsToldApartByEachDimension) {
  auto far = record(5, 8);
  far.key.country = 'C' << 8 | 'N';
  far.key.province = 19;
  far.key.isp = 2;
  far.key.protocol = model::Protocol::kHttp2;
  far.key.is_tls = true;
  far.key.status_class = 4;
  far.key.cache_result = model::CacheResult::kMiss;
  ship({record(0, 1), far});
  const auto keys = [&](const std::string& by) {
    std::map<std::string, int> out;
    const json chart = ask("interval=5m&by=" + by);
    for (const json& series : chart["series"]) out[series["key"]] = series["total"]["requests"];
    return out;
  };
  using Map = std::map<std::string, int>;
  EXPECT_EQ(keys("status"), (Map{{"2xx", 1}, {"4xx", 8}}));
  EXPECT_EQ(keys("cache"), (Map{{"hit", 1}, {"miss", 8}}));
  EXPECT_EQ(keys("protocol"), (Map{{"unknown", 1}, {"http2+tls", 8}}));
  EXPECT_EQ(keys("region"), (Map{{"unknown", 1}, {"CN-guangdong", 8}}));
  EXPECT_EQ(keys("isp"), (Map{{"unknown", 1}, {"unicom", 8}}));
  EXPECT_EQ(keys("node"), (Map{{std::to_string(world_.nodes[0]), 9}}));
  EXPECT_EQ(keys("group"), (Map{{std::to_string(world_.group), 9}}));
  EXPECT_EQ(keys("tenant"), (Map{{std::to_string(world_.tenant), 9}}));
  const json domains = ask("interval=1d&by=domain");
  EXPECT_EQ(domains["series"][0]["name"], "www.a.com");
  EXPECT_EQ(keys("status&limit=1"), (Map{{"4xx", 8}, {"other", 1}}));
  EXPECT_EQ(ask("interval=1h&by=cache&node=" + std::to_string(world_.nodes[0]))["total"]["requests"], 9);
}

TEST_F(StatisticsApi, ATenantSeesItsOwnTrafficAndNoNodes) {
  auto nobodys = record(0, 64);
  nobodys.key.domain = {};
  ship({record(0, 1), nobodys});
  const std::string token = control_.tenant_token(world_.tenant);
  EXPECT_EQ(ask("interval=1d")["total"]["requests"], 65);
  EXPECT_EQ(ask("interval=1d", token)["total"]["requests"], 1);
  EXPECT_EQ(ask("interval=1d&domain=www.a.com", token)["total"]["requests"], 1);
  EXPECT_EQ(ask("interval=1d&tenant=" + std::to_string(world_.tenant))["total"]["requests"], 1);
  const auto other = control_.create("tenants", {{"name", "other"}});
  const std::string others = control_.tenant_token(other);
  EXPECT_EQ(ask("interval=1d", others)["total"]["requests"], 0);
  for (const std::string& question : {std::string("domain=www.a.com"), "tenant=" + std::to_string(world_.tenant),
                                      "node=" + std::to_string(world_.nodes[0])}) {
    EXPECT_EQ(control_.call("GET", kThatDay + question, "", {}, others).status, 404) << question;
  }
  for (const char* by : {"node", "group", "tenant"}) {
    EXPECT_EQ(control_.call("GET", kThatDay + "by=" + by, "", {}, token).status, 400) << by;
  }
}

TEST_F(StatisticsApi, WhatANodeDidNotDeliverIsNamed) {
  const WallTime midnight{std::chrono::minutes(kMidnight)};
  using std::chrono::minutes;
  ship({record(0, 1)}, midnight, midnight + minutes(10));
  ship({record(30, 1)}, midnight + minutes(30), midnight + minutes(60 * 30));
  const json gaps = ask("interval=1h")["gaps"];
  ASSERT_EQ(gaps.size(), 1U) << gaps;
  EXPECT_EQ(gaps[0]["node"], world_.nodes[0]);
  EXPECT_EQ(gaps[0]["from"], "2024-10-04T00:10:00.000Z");
  EXPECT_EQ(gaps[0]["until"], "2024-10-04T00:30:00.000Z");
  const json told = ask("interval=1h", control_.tenant_token(world_.tenant))["gaps"];
  ASSERT_EQ(told.size(), 1U);
  EXPECT_FALSE(told[0].contains("node"));
}

TEST_F(StatisticsApi, CsvHasOneLineForEachTimeAndSeries) {
  ship({record(0, 3)});
  const auto answer = control_.get(kThatDay + "interval=1d&by=domain&format=csv&measures=requests,bytes_out");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/csv; charset=utf-8");
  EXPECT_EQ(answer.body, "time,key,name,requests,bytes_out\r\n2024-10-04T00:00:00.000Z," +
                             std::to_string(world_.domain) + ",www.a.com,3,300\r\n");
}

TEST_F(StatisticsApi, QuestionsThatMakeNoSenseAreRefused) {
  for (const char* question :
       {"interval=7m", "by=colour", "by=region&interval=1m", "tier=l3", "limit=0", "limit=101", "limit=x", "format=xml",
        "measures=x", "measures=", "domain=www.a.com&node=1", "by=domain&domain=www.a.com",
        "from=2024-10-05T00:00:00Z&to=2024-10-04T00:00:00Z", "from=yesterday", "from=1969-01-01T00:00:00Z",
        "to=9999-01-01T00:00:00Z", "from=2020-01-01T00:00:00Z&interval=1h"}) {
    const std::string target = std::string("/api/v1/statistics?") + question;
    EXPECT_EQ(control_.get(target).status, 400) << question;
  }
  EXPECT_EQ(control_.get("/api/v1/statistics?domain=www.unknown.com").status, 404);
  EXPECT_EQ(control_.get("/api/v1/statistics?node=x").status, 404);
}

}  // namespace
}  // namespace yz::control
