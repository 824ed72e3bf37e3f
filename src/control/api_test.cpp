#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Response;
using test::TestControl;

class Api : public testing::Test {
 protected:
  std::string domain_path(const TestControl::World& world) { return "/api/v1/domains/" + std::to_string(world.domain); }

  TestControl control_;
};

TEST_F(Api, TheFirstStartMakesOneOperatorTokenForItsOwnerAlone) {
  ASSERT_TRUE(control_.program().first_secrets().token);
  const auto file = control_.folder() / "state" / "operator.token";
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((control_.folder() / "state" / "ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::string(trim(*read_file(file))), *control_.program().first_secrets().token);
  control_.restart();
  EXPECT_FALSE(control_.program().first_secrets().token);
  EXPECT_EQ(control_.get("/api/v1/whoami").json()["role"], "operator");
}

TEST_F(Api, ADomainIsCreatedReadChangedAndDeleted) {
  const TestControl::World world = control_.make_world(1);
  const Response read = control_.get(domain_path(world));
  ASSERT_EQ(read.status, 200);
  EXPECT_EQ(read.json()["cname"], "www.a.com.cdn.test");
  EXPECT_EQ(read.json()["policy"], world.policy) << "the policy named default";
  const std::string etag = read.headers.at("etag");
  EXPECT_EQ(control_.call("GET", domain_path(world), "", {{"If-None-Match", etag}}).status, 304);

  const Response patched =
      control_.call("PATCH", domain_path(world), R"({"key_rule":{"query":"ignore_all"}})", {{"If-Match", etag}});
  ASSERT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(patched.json()["key_rule"]["query"], "ignore_all");
  EXPECT_EQ(patched.json()["name"], "www.a.com") << "what a patch does not name stays";
  EXPECT_NE(patched.headers.at("etag"), etag);

  json whole = patched.json();
  whole["aliases"] = {"A.com."};
  const Response replaced =
      control_.call("PUT", domain_path(world), whole.dump(), {{"If-Match", patched.headers.at("etag")}});
  ASSERT_EQ(replaced.status, 200) << replaced.body;
  EXPECT_EQ(replaced.json()["aliases"][0], "a.com");

  EXPECT_EQ(control_.call("DELETE", domain_path(world), "", {{"If-Match", "*"}}).status, 204);
  EXPECT_EQ(control_.get(domain_path(world)).status, 404);
}

TEST_F(Api, TwoWritersCannotOverwriteEachOther) {
  const TestControl::World world = control_.make_world(1);
  const std::string etag = control_.get(domain_path(world)).headers.at("etag");
  EXPECT_EQ(control_.call("PATCH", domain_path(world), R"({"enabled":false})", {{"If-Match", etag}}).status, 200);
  const Response late = control_.call("PATCH", domain_path(world), R"({"enabled":true})", {{"If-Match", etag}});
  EXPECT_EQ(late.status, 412);
  EXPECT_EQ(late.json()["type"], "urn:yizhan:problem:precondition_failed");
  EXPECT_EQ(control_.call("PATCH", domain_path(world), R"({"enabled":true})").status, 428);
  EXPECT_EQ(control_.get(domain_path(world)).json()["enabled"], false);
}

TEST_F(Api, BadBodiesAreAnsweredWithWhereAndWhatAndChangeNothing) {
  const TestControl::World world = control_.make_world(1);
  const std::uint64_t seq = control_.get("/healthz").json()["config_seq"];
  const json good = {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}};
  const auto with = [&good](const char* field, json value) {
    json out = good;
    out[field] = std::move(value);
    return out.dump();
  };
  const struct {
    std::string body;
    int status;
    const char* pointer;
  } cases[] = {
      {"{\"name\": ", 400, ""},
      {"[]", 422, ""},
      {with("name", 7), 422, "/name"},
      {with("name", "not a name"), 422, "/name"},
      {with("nam", "x"), 422, "/nam"},
      {with("cache_rules", {{{"match", "suffix"}, {"pattern", "jpg"}, {"action", "never"}}}), 422,
       "/cache_rules/0/action"},
      {with("origin_group", 999), 422, "/origin_group"},
      {with("policy", 999), 422, "/policy"},
      {with("tenant", 999), 422, "/tenant"},
      {with("name", "www.a.com"), 409, nullptr},
  };
  for (const auto& c : cases) {
    const Response answer = control_.call("POST", "/api/v1/domains", c.body);
    EXPECT_EQ(answer.status, c.status) << c.body << answer.body;
    EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
    if (c.pointer != nullptr) {
      ASSERT_TRUE(answer.json().contains("errors")) << answer.body;
      EXPECT_EQ(answer.json()["errors"][0]["pointer"], c.pointer) << answer.body;
    }
  }
  EXPECT_EQ(control_.get("/healthz").json()["config_seq"], seq);
}

TEST_F(Api, UnknownPathsAndMethodsAreProblems) {
  EXPECT_EQ(control_.get("/api/v1/nothing").status, 404);
  const Response wrong = control_.call("PUT", "/api/v1/domains", "{}");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_NE(wrong.headers.at("allow").find("POST"), std::string::npos);
  EXPECT_EQ(control_.get("/api/v1/domains/abc").status, 404);
  EXPECT_EQ(control_.call("POST", "/api/v1/domains", "", {{"Content-Length", "5242880"}}).status, 413);
}

TEST_F(Api, ARepeatedPostIsDoneOnce) {
  const std::string body = R"({"name":"once"})";
  const std::vector<std::pair<std::string, std::string>> key = {{"Idempotency-Key", "k-1"}};
  const Response first = control_.call("POST", "/api/v1/tenants", body, key);
  ASSERT_EQ(first.status, 201) << first.body;
  const Response again = control_.call("POST", "/api/v1/tenants", body, key);
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(again.headers.at("location"), first.headers.at("location"));
  EXPECT_EQ(control_.call("POST", "/api/v1/tenants", R"({"name":"twice"})", key).status, 409);
  EXPECT_EQ(control_.call("POST", "/api/v1/tenants", body, {{"Idempotency-Key", "a b"}}).status, 400);
  EXPECT_EQ(control_.get("/api/v1/tenants?name=once").json()["items"].size(), 1U);
}

TEST_F(Api, ASecretIsShownOnceEvenToARepetition) {
  const std::vector<std::pair<std::string, std::string>> key = {{"Idempotency-Key", "k-2"}};
  const std::string body = R"({"name":"ci","role":"operator"})";
  const Response first = control_.call("POST", "/api/v1/tokens", body, key);
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string secret = first.json()["token"];
  const Response again = control_.call("POST", "/api/v1/tokens", body, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_FALSE(again.json().contains("token"));
  EXPECT_EQ(control_.call("GET", "/api/v1/whoami", "", {}, secret).status, 200);
  const std::string path = "/api/v1/tokens/" + std::to_string(first.json()["id"].get<std::uint64_t>());
  EXPECT_EQ(control_.call("DELETE", path).status, 204);
  EXPECT_EQ(control_.call("GET", "/api/v1/whoami", "", {}, secret).status, 401) << "revoked at once";
}

TEST_F(Api, ListsGoPageByPage) {
  for (int i = 0; i < 5; ++i) control_.create("tenants", {{"name", "t" + std::to_string(i)}});
  std::vector<std::string> names;
  std::string path = "/api/v1/tenants?limit=2";
  for (int pages = 0; pages < 10; ++pages) {
    const json page = control_.get(path).json();
    for (const auto& item : page["items"]) names.push_back(item["name"]);
    if (!page.contains("next_cursor")) break;
    path = "/api/v1/tenants?limit=2&cursor=" + page["next_cursor"].get<std::string>();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"t0", "t1", "t2", "t3", "t4"}));
  EXPECT_EQ(control_.get("/api/v1/tenants?limit=0").status, 400);
}

TEST_F(Api, AVersionCanBeLookedAtAndBroughtBack) {
  const TestControl::World world = control_.make_world(1);
  const std::uint64_t good = control_.get("/healthz").json()["config_seq"];
  ASSERT_EQ(control_.call("PATCH", domain_path(world), R"({"enabled":false})", {{"If-Match", "*"}}).status, 200);
  const std::uint64_t bad = control_.get("/healthz").json()["config_seq"];

  const json diff = control_.get("/api/v1/config/versions/" + std::to_string(bad) + "/diff").json();
  ASSERT_EQ(diff["changes"].size(), 1U) << diff;
  EXPECT_EQ(diff["changes"][0]["op"], "change");
  EXPECT_EQ(diff["changes"][0]["before"]["enabled"], true);
  EXPECT_EQ(diff["changes"][0]["after"]["enabled"], false);

  const Response back = control_.post("/api/v1/config/rollback", {{"to", good}});
  ASSERT_EQ(back.status, 200) << back.body;
  EXPECT_GT(back.json()["seq"].get<std::uint64_t>(), bad) << "history goes on, it is not rewritten";
  EXPECT_EQ(control_.get(domain_path(world)).json()["enabled"], true);
  const json versions = control_.get("/api/v1/config/versions?kind=domain&id=" + std::to_string(world.domain)).json();
  EXPECT_EQ(versions["items"].size(), 3U) << versions;
  EXPECT_EQ(control_.post("/api/v1/config/rollback", {{"to", 9999}}).status, 404);
}

TEST_F(Api, OneResourceCanBeBroughtBackAlone) {
  const TestControl::World world = control_.make_world(1);
  const std::uint64_t good = control_.get("/healthz").json()["config_seq"];
  ASSERT_EQ(control_.call("PATCH", domain_path(world), R"({"enabled":false})", {{"If-Match", "*"}}).status, 200);
  const std::string policy = "/api/v1/policies/" + std::to_string(world.policy);
  ASSERT_EQ(control_.call("PATCH", policy, R"({"answers":3})", {{"If-Match", "*"}}).status, 200);
  const Response back =
      control_.post("/api/v1/config/rollback", {{"to", good}, {"kind", "domain"}, {"id", world.domain}});
  ASSERT_EQ(back.status, 200) << back.body;
  EXPECT_EQ(control_.get(domain_path(world)).json()["enabled"], true);
  EXPECT_EQ(control_.get(policy).json()["answers"], 3);
}

TEST_F(Api, SettingsChangeOverTheApiAndNeverShowTheirKey) {
  const Response read = control_.get("/api/v1/settings");
  ASSERT_EQ(read.status, 200) << read.body;
  EXPECT_EQ(read.json()["cdn_zone"], "cdn.test");
  EXPECT_FALSE(read.json().contains("cluster_key"));
  const Response changed = control_.call("PATCH", "/api/v1/settings", R"({"trusted_proxies":["10.0.0.0/8"]})",
                                         {{"If-Match", read.headers.at("etag")}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json()["trusted_proxies"][0], "10.0.0.0/8");
}

TEST_F(Api, WhatWasAcceptedIsThereAfterARestart) {
  const TestControl::World world = control_.make_world(2);
  const json before = control_.get(domain_path(world)).json();
  const std::uint64_t seq = control_.get("/healthz").json()["config_seq"];
  control_.restart();
  EXPECT_EQ(control_.get(domain_path(world)).json(), before);
  EXPECT_EQ(control_.get("/healthz").json()["config_seq"], seq);
}

TEST_F(Api, EveryChangeIsInTheAudit) {
  const TestControl::World world = control_.make_world(0);
  const json audit = control_.get("/api/v1/audit?limit=5").json();
  ASSERT_FALSE(audit["items"].empty());
  EXPECT_EQ(audit["items"][0]["kind"], "domain");
  EXPECT_EQ(audit["items"][0]["action"], "create");
  EXPECT_NE(audit["items"][0]["actor"].get<std::string>().find("token:"), std::string::npos);
  (void)world;
}

TEST_F(Api, MetricsAreInPrometheusText) {
  (void)control_.get("/healthz");
  const Response metrics = control_.get("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("yz_control_api_requests_total{route=\"/healthz\""), std::string::npos) << metrics.body;
}

TEST_F(Api, ACertificateIsReadNotBelieved) {
  const TestControl::World world = control_.make_world(0);
  const Response wrong =
      control_.post("/api/v1/certificates", {{"tenant", world.tenant}, {"chain_pem", "none"}, {"key_pem", "none"}});
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.json()["errors"][0]["pointer"], "/chain_pem");
}

}  // namespace
}  // namespace yz::control
