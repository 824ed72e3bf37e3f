// Plans, contracts and statements over the API: from a node's batch to a closed month that can be made again.

#include <gtest/gtest.h>

#include "control/statement_closer.h"
#include "control/test_cluster.h"
#include "model/codec.h"
#include "store/billing_store.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::TestControl;

const json kPlan = json::parse(R"({"regions": [{"name": "all", "countries": ["*"]}],
  "items": [{"id": "t", "label": "Traffic", "mode": "traffic", "regions": ["all"], "price": "2"}]})");

class BillingApi : public testing::Test {
 protected:
  void SetUp() override {
    world_ = control_.make_world(1);
    plan_ = control_.create("plans", {{"name", "standard"}, {"plan", kPlan}});
  }
  std::uint64_t contract(const std::string& day) {
    return control_.create("contracts", {{"tenant", world_.tenant}, {"plan", plan_}, {"from", day}});
  }
  /// 3 GB on 2024-10-04 from a node.
  void ship() {
    FakeNode node(control_, control_.join_token(world_.nodes[0]));
    ASSERT_TRUE(node.wait([&] { return node.config->seq.value > 0; }));
    model::UsageRecord record;
    record.key.minute = 20'000 * 1440;
    record.key.domain = {world_.domain};
    record.counts.bytes_out = 3'000'000'000;
    const model::UsageBatch batch{.node = {}, .epoch = 1, .number = 1, .records = {record}};
    node.send(rpc::UsageShipment{1, 1, std::make_shared<const std::string>(model::encode(batch))});
    ASSERT_TRUE(node.wait([&] { return node.usage_acks.size() == 1; }));
  }
  std::uint64_t draw(const std::string& month) {
    return control_.create("statements", {{"tenant", world_.tenant}, {"month", month}});
  }

  TestControl control_;
  TestControl::World world_;
  std::uint64_t plan_ = 0;
};

TEST_F(BillingApi, AStatementIsDrawnClosedShownAndMadeAgain) {
  contract("2024-10-01");
  ship();
  const std::string path = "/api/v1/statements/" + std::to_string(draw("2024-10"));
  const json draft = control_.get(path).json();
  EXPECT_EQ(draft["state"], "draft");
  EXPECT_EQ(draft["total"], "6.00");
  EXPECT_EQ(draft["document"]["lines"][0]["quantity"], "3.000000 GB");
  EXPECT_EQ(draft["document"]["lines"][0]["terms"],
            json::parse(R"({"quantity":"3.000000","unit":"gb","pricing":"flat","tiers":[{"price":"2.00"}]})"));
  EXPECT_EQ(control_.post(path + "/close", json::object()).json()["state"], "closed");
  EXPECT_EQ(control_.get(path + "/csv").body,
            "item,label,day,quantity,price,amount,notes\r\nt,Traffic,,3.000000 GB,2.00 per GB,6.00,\r\n"
            "total,,,,,6.00,CNY\r\n");
  EXPECT_TRUE(control_.get(path + "/pdf").body.starts_with("%PDF-1.4"));
  const json again = control_.get(path + "/recompute").json();
  EXPECT_EQ(again["equal"], true) << again;
  EXPECT_EQ(again["total"], "6.00");
}

TEST_F(BillingApi, MonthsThatAreOverCloseByThemselves) {
  contract("2024-10-01");
  ship();
  auto database = *store::Database::open(control_.database_url());
  ASSERT_TRUE(close_due_statements(*database, *parse_rfc3339("2024-10-31T16:10:00Z")));
  EXPECT_TRUE(control_.get("/api/v1/statements").json()["items"].empty()) << "too early";
  ASSERT_TRUE(close_due_statements(*database, *parse_rfc3339("2024-10-31T16:20:00Z")));
  const json items = control_.get("/api/v1/statements").json()["items"];
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["state"], "closed");
  EXPECT_EQ(items[0]["total"], "6.00");
}

TEST_F(BillingApi, ATenantSeesItsOwnTermsAndStatementsAndChangesNothing) {
  const std::uint64_t id = contract("2024-10-01");
  const std::uint64_t statement = draw("2024-10");
  const std::string own = control_.tenant_token(world_.tenant);
  const std::string other = control_.tenant_token(control_.create("tenants", {{"name", "other"}}));
  for (const char* list : {"contracts", "statements"}) {
    const std::string path = std::string("/api/v1/") + list;
    EXPECT_EQ(control_.call("GET", path, "", {}, own).json()["items"].size(), 1U) << list;
    EXPECT_TRUE(
        control_.call("GET", path + "?tenant=" + std::to_string(world_.tenant), "", {}, other).json()["items"].empty())
        << list;
  }
  EXPECT_EQ(control_.call("GET", "/api/v1/contracts", "", {}, own).json()["items"][0]["terms"]["items"][0]["price"],
            "2.00");
  const std::string path = "/api/v1/statements/" + std::to_string(statement);
  EXPECT_EQ(control_.call("GET", path, "", {}, own).status, 200);
  for (const char* part : {"", "/csv", "/pdf", "/recompute"}) {
    EXPECT_EQ(control_.call("GET", path + part, "", {}, other).status, 404) << part;
  }
  EXPECT_EQ(control_.call("POST", path + "/close", "{}", {}, own).status, 403);
  EXPECT_EQ(control_.call("DELETE", "/api/v1/contracts/" + std::to_string(id), "", {}, own).status, 403);
  EXPECT_EQ(control_.call("GET", "/api/v1/plans", "", {}, own).status, 403);
}

TEST_F(BillingApi, PackagesAreUsedBeforeThePrice) {
  const json package = {{"tenant", world_.tenant},
                        {"item", "t"},
                        {"gb", 1},
                        {"from", "2024-10-01T00:00:00Z"},
                        {"until", "2025-10-01T00:00:00Z"}};
  EXPECT_EQ(control_.post("/api/v1/packages", package).status, 409) << "no contract";
  contract("2024-10-01");
  control_.create("packages", package);
  ship();
  draw("2024-10");
  EXPECT_EQ(control_.get("/api/v1/statements").json()["items"][0]["total"], "4.00");
  EXPECT_EQ(control_.get("/api/v1/packages").json()["items"][0]["bytes"], 1'000'000'000);
}

TEST_F(BillingApi, BodiesThatDoNotFitAreRefusedWithTheirReason) {
  json wrong = kPlan;
  wrong["items"][0]["price"] = 2;
  const auto answer = control_.post("/api/v1/plans", {{"name", "x"}, {"plan", wrong}});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.json()["errors"][0]["pointer"], "/plan/items/0/price");
  EXPECT_EQ(control_.post("/api/v1/plans", {{"name", "standard"}, {"plan", kPlan}}).status, 409);
  EXPECT_EQ(control_.post("/api/v1/plans", {{"name", ""}, {"plan", kPlan}}).status, 422);
  EXPECT_EQ(control_.post("/api/v1/plans/99/versions", {{"plan", kPlan}}).status, 404);
  EXPECT_EQ(control_.post("/api/v1/plans/" + std::to_string(plan_) + "/versions", {{"plan", kPlan}}).json()["version"],
            2);
  const json good = {{"tenant", world_.tenant}, {"plan", plan_}, {"from", "2024-10-01"}};
  for (const auto& [field, value] : {std::pair<const char*, json>{"tenant", 99},
                                     {"plan", 99},
                                     {"from", "2024-02-30"},
                                     {"from", 3},
                                     {"version", 7},
                                     {"colour", "red"}}) {
    json body = good;
    body[field] = value;
    EXPECT_EQ(control_.post("/api/v1/contracts", body).status, 422) << body;
  }
  EXPECT_EQ(control_.post("/api/v1/statements", {{"tenant", world_.tenant}, {"month", "2024-13"}}).status, 422);
  EXPECT_EQ(control_.post("/api/v1/statements", {{"tenant", world_.tenant}, {"month", "2024-10"}}).status, 422)
      << "no contract";
  EXPECT_EQ(control_.get("/api/v1/statements/99").status, 404);
  EXPECT_EQ(control_.get("/api/v1/plans/99").status, 404);
}

}  // namespace
}  // namespace yz::control
