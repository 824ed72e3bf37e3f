// Tokens and the audit over the API.

#include <gtest/gtest.h>

#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::TestControl;

class Access : public testing::Test {
 protected:
  int whoami(const std::string& secret) { return control_.call("GET", "/api/v1/whoami", "", {}, secret).status; }
  json make(const json& body) {
    const auto answer = control_.post("/api/v1/tokens", body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
    return answer.json();
  }
  static std::string path(const json& token) {
    return "/api/v1/tokens/" + std::to_string(token["id"].get<std::uint64_t>());
  }

  TestControl control_;
};

TEST_F(Access, ATenantsTokenIsBoundToItsTenant) {
  const auto tenant = control_.create("tenants", {{"name", "acme"}});
  const json token = make({{"name", "ci"}, {"role", "tenant"}, {"tenant", tenant}, {"valid_for", "1h"}});
  EXPECT_TRUE(token.contains("expires"));
  const json me = control_.call("GET", "/api/v1/whoami", "", {}, token["token"]).json();
  EXPECT_EQ(me["role"], "tenant");
  EXPECT_EQ(me["tenant"], tenant);
  EXPECT_EQ(control_.call("GET", "/api/v1/tokens", "", {}, token["token"]).status, 403);
}

TEST_F(Access, AnExpiredTokenIsUnknown) {
  const json token = make({{"name", "brief"}, {"role", "operator"}, {"valid_for", "1s"}});
  EXPECT_EQ(whoami(token["token"]), 200);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (whoami(token["token"]) != 401 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(whoami(token["token"]), 401);
}

TEST_F(Access, NoListShowsASecret) {
  const json token = make({{"name", "ci"}, {"role", "operator"}});
  const auto list = control_.get("/api/v1/tokens");
  EXPECT_EQ(list.json()["items"].size(), 2U) << list.body;
  EXPECT_EQ(list.body.find(token["token"].get<std::string>()), std::string::npos);
  EXPECT_EQ(list.body.find("hash"), std::string::npos);
  EXPECT_EQ(control_.get("/api/v1/audit").body.find(token["token"].get<std::string>()), std::string::npos);
}

TEST_F(Access, ATokenCannotLockItselfOut) {
  const json token = make({{"name", "ci"}, {"role", "operator"}});
  EXPECT_EQ(control_.call("DELETE", path(token), "", {}, token["token"]).status, 409);
  EXPECT_EQ(control_.call("DELETE", path(token)).status, 204);
  EXPECT_EQ(control_.call("DELETE", path(token)).status, 404);
  EXPECT_EQ(whoami(token["token"]), 401);
}

TEST_F(Access, TokensThatMakeNoSenseAreRefusedByField) {
  const auto refused = [&](const json& body, const std::string& pointer) {
    const auto answer = control_.post("/api/v1/tokens", body);
    EXPECT_EQ(answer.status, 422) << body << answer.body;
    EXPECT_EQ(answer.json()["errors"][0]["pointer"], pointer) << answer.body;
  };
  refused({{"role", "operator"}}, "/name");
  refused({{"name", "x"}, {"role", "root"}}, "/role");
  refused({{"name", "x"}, {"role", "tenant"}}, "/tenant");
  refused({{"name", "x"}, {"role", "tenant"}, {"tenant", 999}}, "/tenant");
  refused({{"name", "x"}, {"role", "operator"}, {"valid_for", "soon"}}, "/valid_for");
  refused({{"name", "x"}, {"role", "operator"}, {"secret", "chosen"}}, "/secret");
}

TEST_F(Access, TheAuditGoesPageByPageNewestFirst) {
  for (const char* name : {"a", "b", "c"}) control_.create("tenants", {{"name", name}});
  std::vector<std::uint64_t> ids;
  std::string cursor;
  do {
    const json page = control_.get("/api/v1/audit?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor)).json();
    EXPECT_LE(page["items"].size(), 2U);
    for (const json& entry : page["items"]) ids.push_back(entry["id"]);
    cursor = page.value("next_cursor", "");
  } while (!cursor.empty());
  ASSERT_GE(ids.size(), 4U) << "three tenants and the first token";
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], ids.size() - i);
}

TEST_F(Access, TheAuditNamesWhoDidItAndWhatItWas) {
  const json token = make({{"name", "deploy"}, {"role", "operator"}});
  ASSERT_EQ(control_.call("POST", "/api/v1/tenants", R"({"name":"acme"})", {}, token["token"]).status, 201);
  const json entry = control_.get("/api/v1/audit?limit=1").json()["items"][0];
  EXPECT_EQ(entry["kind"], "tenant");
  EXPECT_EQ(entry["action"], "create");
  EXPECT_NE(entry["actor"].get<std::string>().find(std::to_string(token["id"].get<std::uint64_t>())),
            std::string::npos);
  EXPECT_EQ(entry["detail"]["after"]["name"], "acme");
}

}  // namespace
}  // namespace yz::control
