// Usage over the API: who sees which sums, in which steps; questions that make no sense.

#include <gtest/gtest.h>

#include "control/test_cluster.h"
#include "model/codec.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::OneNodeTest;

constexpr std::uint32_t kDay = 1440;
constexpr std::uint32_t kMidnight = 20'000 * kDay;  // 2024-10-04T00:00:00Z

class UsageApi : public OneNodeTest {
 protected:
  model::UsageRecord record(std::uint32_t minute, std::uint64_t requests, std::uint8_t status_class = 2,
                            model::CacheResult result = model::CacheResult::kHit, model::Tier tier = model::Tier::kL1) {
    model::UsageRecord out;
    out.key = {kMidnight + minute, model::DomainId{world_.domain}, tier, status_class, result};
    out.counts.requests = requests;
    out.counts.bytes_out = requests * 100;
    return out;
  }
  void ship(std::vector<model::UsageRecord> records, std::optional<std::string> bytes = {}) {
    model::UsageBatch batch{.node = {999}, .epoch = 1, .number = ++number_, .records = std::move(records)};
    if (!bytes) bytes = model::encode(batch);
    node_->send(rpc::UsageShipment{1, number_, std::make_shared<const std::string>(*std::move(bytes))});
  }
  bool acknowledged(std::size_t count) {
    return node_->wait([&] { return node_->usage_acks.size() >= count; });
  }
  json ask(const std::string& question, const std::string& token = "operator") {
    const auto answer = control_.call(
        "GET", "/api/v1/usage?from=2024-10-04T00:00:00Z&to=2024-10-05T00:00:00Z&" + question, "", {}, token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }

  std::uint64_t number_ = 0;
};

TEST_F(UsageApi, EveryStepGivesTheSameTotal) {
  ship({record(0, 1), record(1, 2), record(7, 4), record(61, 8), record(1439, 16)});
  ship({record(1, 32)});
  ASSERT_TRUE(acknowledged(2));
  for (const auto& [step, points] : {std::pair{"1m", 5U}, {"5m", 4U}, {"1h", 3U}, {"1d", 1U}}) {
    const json usage = ask(std::string("step=") + step);
    EXPECT_EQ(usage["total"]["requests"], 63) << step;
    EXPECT_EQ(usage["total"]["bytes_out"], 6300) << step;
    EXPECT_EQ(usage["points"].size(), points) << step << usage;
  }
  EXPECT_EQ(ask("step=1m")["points"][1]["time"], "2024-10-04T00:01:00.000Z");
  EXPECT_EQ(ask("step=1m")["points"][1]["requests"], 34);
}

TEST_F(UsageApi, HitsStatusClassesAndTiersAreToldApart) {
  ship({record(0, 1), record(0, 2, 2, model::CacheResult::kMiss), record(0, 4, 4, model::CacheResult::kNone),
        record(0, 8, 5, model::CacheResult::kStale), record(0, 16, 2, model::CacheResult::kMiss, model::Tier::kL2)});
  ASSERT_TRUE(acknowledged(1));
  const json viewers = ask("domain=www.a.com")["total"];
  EXPECT_EQ(viewers["requests"], 15);
  EXPECT_EQ(viewers["hits"], 9);
  EXPECT_EQ(viewers["hit_bytes"], 900);
  EXPECT_EQ(viewers["status_2xx"], 3);
  EXPECT_EQ(viewers["status_4xx"], 4);
  EXPECT_EQ(viewers["status_5xx"], 8);
  EXPECT_EQ(ask("tier=l2")["total"]["requests"], 16);
  EXPECT_EQ(ask("tier=all")["total"]["requests"], 31);
}

TEST_F(UsageApi, ATenantSeesItsOwnDomainsOnly) {
  auto nobodys = record(0, 64);
  nobodys.key.domain = {};
  ship({record(0, 1), nobodys});
  ASSERT_TRUE(acknowledged(1));
  EXPECT_EQ(ask("")["total"]["requests"], 65) << "an operator sees all";
  EXPECT_EQ(ask("", control_.tenant_token(world_.tenant))["total"]["requests"], 1);
  const auto other = control_.create("tenants", {{"name", "other"}});
  EXPECT_EQ(ask("", control_.tenant_token(other))["total"]["requests"], 0) << "no domains, not all domains";
}

TEST_F(UsageApi, DamagedBatchesAreNeitherCountedNorAcknowledged) {
  std::string bytes = model::encode(model::UsageBatch{.node = {1}, .epoch = 1, .number = 1, .records = {record(0, 1)}});
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ship({}, bytes);
  ship({record(0, 2)}, model::encode(model::UsageBatch{.node = {1}, .epoch = 1, .number = 77, .records = {}}));
  ship({record(0, 4)});
  ASSERT_TRUE(acknowledged(1));
  EXPECT_EQ(node_->usage_acks.size(), 1U);
  EXPECT_EQ(node_->usage_acks[0].number, 3U);
  EXPECT_EQ(ask("")["total"]["requests"], 4);
}

TEST_F(UsageApi, QuestionsThatMakeNoSenseAreRefused) {
  for (const char* question :
       {"step=7m", "tier=l3", "from=yesterday", "to=1", "from=2024-10-05T00:00:00Z&to=2024-10-04T00:00:00Z",
        "from=2024-10-04T00:00:00Z&to=2024-10-04T00:00:00Z", "from=2000-01-01T00:00:00Z&step=1m"}) {
    const auto answer = control_.get(std::string("/api/v1/usage?") + question);
    EXPECT_EQ(answer.status, 400) << question << answer.body;
  }
  EXPECT_EQ(control_.get("/api/v1/usage?domain=www.unknown.com").status, 404);
  EXPECT_EQ(control_.get("/api/v1/usage?domain=999").status, 404);
}

}  // namespace
}  // namespace yz::control
