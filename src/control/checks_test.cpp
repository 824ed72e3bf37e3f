// What control looks up outside for a customer: origins and names.

#include <future>

#include <gtest/gtest.h>

#include "control/cname_check.h"
#include "control/origin_checker.h"
#include "control/test_cluster.h"
#include "net/http_server.h"

namespace yz::control {
namespace {

using nlohmann::json;

class Origin final : public net::HttpHandler {
 public:
  io::Task<void> handle(net::Exchange& exchange) override {
    host = exchange.request().fields.value(http::FieldId::kHost).value_or("");
    http::HeaderMap headers{{"Cache-Control", "max-age=60"}, {"ETag", "\"a\""}, {"Accept-Ranges", "bytes"}};
    (void)co_await exchange.respond(exchange.request().path == "/" ? 200 : 404, std::move(headers), "secret");
  }
  std::string host;
};

class OriginChecks : public testing::Test {
 protected:
  Result<OriginReport> check(bool allows_private, OriginQuestion question) {
    OriginChecker checker(reactor, pool, allows_private);
    return reactor.block_on(checker.check(std::move(question)));
  }

  io::Reactor reactor;
  io::BlockingPool pool;
  Origin origin;
  net::HttpServer server{reactor, origin};
  std::uint16_t port = server.listen({IpAddress::v4(0x7f000001), 0})->port;
};

TEST_F(OriginChecks, TellWhatTheOriginAnswers) {
  OriginQuestion question;
  question.host = "127.0.0.1";
  question.port = port;
  question.host_header = "www.a.com";
  const auto report = check(true, question);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->status, 200);
  EXPECT_EQ(report->cache_control, "max-age=60");
  EXPECT_TRUE(report->has_etag);
  EXPECT_FALSE(report->has_last_modified);
  EXPECT_TRUE(report->takes_ranges);
  EXPECT_EQ(report->address, "127.0.0.1:" + std::to_string(port));
  EXPECT_EQ(origin.host, "www.a.com");
  question.path = "/missing";
  EXPECT_EQ(check(true, question)->status, 404);
}

TEST_F(OriginChecks, SayWhyNothingCame) {
  OriginQuestion question;
  question.host = "127.0.0.1";
  question.port = 1;
  const auto report = check(true, question);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->status);
  EXPECT_FALSE(report->error.empty());
}

TEST_F(OriginChecks, AreNoWayIntoTheOperatorsNetwork) {
  OriginQuestion question;
  question.host = "127.0.0.1";
  question.port = port;
  const auto refused = check(false, question);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
}

TEST(NameLookups, AreNotWaitedForLongerThanTheirPatience) {
  io::Reactor reactor;
  io::BlockingPool pool({.threads = 1, .max_queued = 2});
  std::promise<void> asked, answers;
  ASSERT_TRUE(pool.submit([&asked, until = answers.get_future()]() mutable {  // a server that takes its time
    asked.set_value();
    until.wait();
  }));
  asked.get_future().wait();
  const auto late = reactor.block_on(look_up_name(pool, "127.0.0.1", reactor.in(std::chrono::milliseconds(20))));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->state, NameLookup::State::kFailed);
  ASSERT_TRUE(pool.submit([] {}));
  const auto full = reactor.block_on(look_up_name(pool, "127.0.0.1", reactor.in(std::chrono::milliseconds(20))));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kLimit);
  answers.set_value();
}

TEST(OriginCheckRoute, RefusesInnerAddressesAndWhatIsNoOrigin) {
  test::TestControl control;
  const auto inner = control.post("/api/v1/origin-check", {{"host", "169.254.169.254"}, {"port", 80}});
  EXPECT_EQ(inner.status, 422) << inner.body;
  EXPECT_EQ(inner.json()["errors"][0]["pointer"], "/host");
  for (const json& body : {json{{"host", "a b"}, {"port", 80}}, json{{"host", "a"}, {"port", 0}},
                           json{{"host", "a"}, {"port", 80}, {"path", "no"}},
                           json{{"host", "a"}, {"port", 80}, {"host_header", "x\r\ny"}}, json{{"port", 80}}}) {
    EXPECT_EQ(control.post("/api/v1/origin-check", body).status, 422) << body;
  }
}

TEST(CnameCheck, JudgesWhereANameLeads) {
  model::ConfigSnapshot config;
  model::Node node;
  node.id = model::NodeId{1};
  node.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
  config.nodes.put(node, model::ConfigSeq{1});
  using enum NameLookup::State;
  const std::vector<IpAddress> ours = {*IpAddress::parse("192.0.2.1")};
  const std::vector<IpAddress> mixed = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.9")};
  EXPECT_EQ(judge_cname({kFound, "www.a.com.cdn.test", mixed}, "www.a.com.cdn.test", config), "points_here");
  EXPECT_EQ(judge_cname({kFound, "a.com", ours}, "a.com.cdn.test", config), "served_here");
  EXPECT_EQ(judge_cname({kFound, "a.com", mixed}, "a.com.cdn.test", config), "elsewhere");
  EXPECT_EQ(judge_cname({kNoRecord, "", {}}, "a.com.cdn.test", config), "no_record");
  EXPECT_EQ(judge_cname({kFailed, "", {}}, "a.com.cdn.test", config), "failed");
}

TEST(CnameCheckRoute, ShowsNoOtherTenantsDomain) {
  test::TestControl control;
  const auto world = control.make_world(1);
  const auto other = control.create("tenants", {{"name", "other"}});
  const std::string path = "/api/v1/domains/" + std::to_string(world.domain) + "/cname-check";
  EXPECT_EQ(control.call("GET", path, "", {}, control.tenant_token(other)).status, 404);
}

}  // namespace
}  // namespace yz::control
