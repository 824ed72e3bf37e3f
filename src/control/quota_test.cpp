// Quotas of refresh and prefetch over the API: who is held to them, what a refusal leaves behind, what is left.

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Response;

const json kSomeUrls = {{"urls", {"http://www.a.com/1", "http://www.a.com/2"}}};
const json kOneUrl = {{"urls", {"http://www.a.com/3"}}};
const json kOneDirectory = {{"directories", {"http://www.a.com/img/"}}};

class QuotaApi : public testing::Test {
 protected:
  void SetUp() override {
    world_ = control_.make_world(1);
    token_ = control_.tenant_token(world_.tenant);
    set_quota({{"refresh_urls", 2}, {"refresh_groups", 1}, {"prefetch_urls", 2}});
  }
  std::string tenant_path() const { return "/api/v1/tenants/" + std::to_string(world_.tenant); }
  void set_quota(const json& quota) {
    const Response done = control_.call("PATCH", tenant_path(), json{{"quota", quota}}.dump(), {{"If-Match", "*"}});
    ASSERT_EQ(done.status, 200) << done.body;
  }
  /// By the tenant's token.
  Response ask(const std::string& what, const json& body, const std::string& key = {}) {
    std::vector<std::pair<std::string, std::string>> headers;
    if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
    return control_.call("POST", "/api/v1/" + what, body.dump(), headers, token_);
  }
  /// "2/2 0/1 1/2": used and quota of the three sums.
  std::string sums() {
    const json day = control_.call("GET", "/api/v1/quota", "", {}, token_).json();
    std::string out;
    for (const char* name : {"refresh_urls", "refresh_groups", "prefetch_urls"}) {
      out += (out.empty() ? "" : " ") + day[name]["used"].dump() + "/" + day[name]["quota"].dump();
    }
    return out;
  }
  std::size_t tasks() { return control_.get("/api/v1/tasks").json()["items"].size(); }

  test::TestControl control_;
  test::TestControl::World world_;
  std::string token_;
};

TEST_F(QuotaApi, ATenantIsRefusedAtItsQuotaAndToldUntilWhen) {
  EXPECT_EQ(ask("refresh", kSomeUrls).status, 202);
  EXPECT_EQ(ask("refresh", kOneDirectory).status, 202);
  EXPECT_EQ(ask("prefetch", kOneUrl).status, 202);
  EXPECT_EQ(sums(), "2/2 1/1 1/2");
  const json purges = control_.get("/healthz").json()["purge_seq"];
  const Response refused = ask("refresh", kOneUrl);
  ASSERT_EQ(refused.status, 429) << refused.body;
  EXPECT_EQ(refused.json()["type"], "urn:yizhan:problem:quota");
  EXPECT_NE(refused.json().value("detail", "").find("2 URLs to refresh a day"), std::string::npos) << refused.body;
  const auto wait = parse_u64(refused.headers.at("retry-after"));
  ASSERT_TRUE(wait);
  EXPECT_GE(*wait, 1U);
  EXPECT_LE(*wait, 86'400U);
  EXPECT_EQ(ask("refresh", {{"domains", {"www.a.com"}}}).status, 429);
  EXPECT_EQ(ask("prefetch", kSomeUrls).status, 429) << "one is left, two were asked for";
  EXPECT_EQ(sums(), "2/2 1/1 1/2") << "what is refused does not count";
  EXPECT_EQ(tasks(), 3U);
  EXPECT_EQ(control_.get("/healthz").json()["purge_seq"], purges) << "and is sent to nobody";
}

TEST_F(QuotaApi, OperatorsAreOnNobodysQuota) {
  set_quota({{"refresh_urls", 0}, {"prefetch_urls", 0}});
  EXPECT_EQ(control_.post("/api/v1/refresh", kSomeUrls).status, 202);
  EXPECT_EQ(control_.post("/api/v1/prefetch", kSomeUrls).status, 202);
  EXPECT_EQ(sums(), "0/0 0/1 0/0");
  EXPECT_EQ(ask("refresh", kOneUrl).status, 429);
}

TEST_F(QuotaApi, ARepeatedCallIsTakenOnce) {
  EXPECT_EQ(ask("refresh", kSomeUrls, "k-1").status, 202);
  const Response again = ask("refresh", kSomeUrls, "k-1");
  EXPECT_EQ(again.status, 202) << "though nothing is left";
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(sums(), "2/2 0/1 0/2");
}

TEST_F(QuotaApi, ARefusedCallMayComeAgainUnderItsKey) {
  set_quota({{"prefetch_urls", 1}});
  EXPECT_EQ(ask("prefetch", kSomeUrls, "k-1").status, 429);
  EXPECT_EQ(ask("prefetch", kSomeUrls, "k-1").status, 429);
  set_quota({{"prefetch_urls", 2}});
  const Response later = ask("prefetch", kSomeUrls, "k-1");
  EXPECT_EQ(later.status, 202) << later.body;
  EXPECT_FALSE(later.headers.contains("idempotency-replayed"));
  EXPECT_EQ(sums(), "0/2 0/1 2/2");
}

TEST_F(QuotaApi, OneRefusalDoesNotEndTheOthersThatComeWithIt) {
  set_quota({{"refresh_urls", 10}});
  std::atomic<int> taken{0};
  std::atomic<int> refused{0};
  std::atomic<int> by_operator{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        const int status = ask("refresh", kOneUrl).status;
        if (status == 202) ++taken;
        if (status == 429) ++refused;
        if (control_.post("/api/v1/refresh", kOneUrl).status == 202) ++by_operator;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(refused, 10);
  EXPECT_EQ(by_operator, 20);
  EXPECT_EQ(sums(), "10/10 0/1 0/2");
  EXPECT_EQ(control_.get("/healthz").json()["purge_seq"], 30);
}

TEST_F(QuotaApi, WhoAsksGetsItsOwnAndAnOperatorSaysWhose) {
  const WallTime before = SystemClock::instance().wall();
  const json day = control_.call("GET", "/api/v1/quota", "", {}, token_).json();
  const auto resets = parse_rfc3339(day.value("resets", ""));
  ASSERT_TRUE(resets) << day;
  EXPECT_GT(*resets, before);
  EXPECT_EQ(*resets, std::chrono::floor<std::chrono::days>(*resets)) << "midnight";
  EXPECT_EQ(*parse_rfc3339(day.value("day", "") + "T00:00:00Z") + std::chrono::days(1), *resets);

  const std::string asked = "/api/v1/quota?tenant=" + std::to_string(world_.tenant);
  EXPECT_EQ(control_.get(asked).json()["prefetch_urls"], json({{"quota", 2}, {"used", 0}}));
  const Response unnamed = control_.get("/api/v1/quota");
  EXPECT_EQ(unnamed.status, 400) << "as wherever a query lacks something";
  EXPECT_NE(unnamed.json().value("detail", "").find("tenant"), std::string::npos) << unnamed.body;
  EXPECT_EQ(control_.get("/api/v1/quota?tenant=99").status, 400);
  const std::uint64_t other = control_.create("tenants", {{"name", "b"}});
  const std::string others = "/api/v1/quota?tenant=" + std::to_string(other);
  EXPECT_EQ(control_.call("GET", others, "", {}, token_).status, 404);
  EXPECT_EQ(control_.get(others).json()["refresh_urls"], json({{"quota", 10'000}, {"used", 0}})) << "the default";
}

TEST_F(QuotaApi, AQuotaIsSetWithItsTenantAndHasBounds) {
  const auto id = control_.create("tenants", {{"name", "b"}, {"quota", {{"refresh_groups", 10'000'000}}}});
  const json made = control_.get("/api/v1/tenants/" + std::to_string(id)).json();
  EXPECT_EQ(made["quota"], json({{"refresh_urls", 10'000}, {"refresh_groups", 10'000'000}, {"prefetch_urls", 1'000}}));
  for (const char* bad : {R"({"quota":{"prefetch_urls":10000001}})", R"({"quota":{"prefetch_urls":-1}})"}) {
    const Response refused = control_.call("PATCH", tenant_path(), bad, {{"If-Match", "*"}});
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_EQ(refused.json()["errors"][0]["pointer"], "/quota/prefetch_urls") << refused.body;
  }
  EXPECT_EQ(sums(), "0/2 0/1 0/2") << "the quota is as it was";
}

TEST_F(QuotaApi, WhoIsBoundToADomainTakesFromItsTenants) {
  const json wish = {{"name", "t"}, {"role", "tenant"}, {"tenant", world_.tenant}, {"domains", {world_.domain}}};
  const std::string bound = control_.post("/api/v1/tokens", wish).json().value("token", "");
  EXPECT_EQ(control_.call("POST", "/api/v1/refresh", kSomeUrls.dump(), {}, bound).status, 202);
  EXPECT_EQ(control_.call("GET", "/api/v1/quota", "", {}, bound).json()["refresh_urls"],
            json({{"quota", 2}, {"used", 2}}));
  EXPECT_EQ(ask("refresh", kOneUrl).status, 429);
}

}  // namespace
}  // namespace yz::control
