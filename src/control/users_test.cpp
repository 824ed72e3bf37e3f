// Users, members of tenants, roles, and tokens that may do less than their role.

#include <gtest/gtest.h>

#include "control/test_browser.h"
#include "store/database.h"
#include "store/token_store.h"
#include "store/user_store.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Browser;
using test::Response;
using test::signed_in_user;
using test::TestControl;

class Users : public testing::Test {
 protected:
  static std::string path(std::uint64_t id) { return "/api/v1/users/" + std::to_string(id); }
  std::uint64_t id_of(const std::string& email) {
    return control_.get("/api/v1/users?email=" + email).json()["items"][0]["id"];
  }
  Response change(std::uint64_t id, const json& patch) {
    return control_.call("PATCH", path(id), patch.dump(), {{"If-Match", "*"}});
  }

  TestControl control_;
};

TEST_F(Users, AnAdministratorLooksAfterThem) {
  const auto tenant = control_.create("tenants", {{"name", "acme"}});
  const Response made = control_.post(
      "/api/v1/users", {{"email", "Ann@Acme.com"}, {"role", "owner"}, {"tenant", tenant}, {"name", "Ann"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.headers.at("cache-control"), "no-store");
  EXPECT_EQ(made.json()["email"], "ann@acme.com");
  EXPECT_TRUE(made.json()["must_change_password"]);
  const std::uint64_t id = made.json()["id"];
  EXPECT_EQ(control_.post("/api/v1/users", {{"email", "ann@acme.com"}, {"role", "support"}}).status, 409);

  Browser ann(control_);
  ASSERT_EQ(ann.sign_in("ann@acme.com", made.json()["password"]).status, 201);
  EXPECT_EQ(ann.get("/api/v1/domains").json()["type"], "urn:yizhan:problem:password_change_required");
  EXPECT_EQ(
      ann.put("/api/v1/account/password", {{"current", made.json()["password"]}, {"password", "my very own"}}).status,
      200);
  EXPECT_EQ(ann.get("/api/v1/domains").status, 200);

  EXPECT_EQ(control_.call("PATCH", path(id), R"({"name":"x"})").status, 428);
  EXPECT_EQ(change(id, {{"role", "viewer"}}).json()["role"], "viewer");
  EXPECT_FALSE(ann.is_signed_in()) << "the session had the old role";
  EXPECT_EQ(change(id, {{"enabled", false}}).status, 200);
  EXPECT_EQ(ann.sign_in("ann@acme.com", "my very own").status, 401);
  EXPECT_EQ(control_.call("DELETE", path(id), "", {{"If-Match", "*"}}).status, 204);
  EXPECT_EQ(control_.get(path(id)).status, 404);
}

TEST_F(Users, AFilterThatIsNoAddressIsNoLackOfAFilter) {
  EXPECT_EQ(control_.get("/api/v1/users?email=admin").status, 400);
  EXPECT_EQ(control_.get("/api/v1/users?email=").status, 400);
  EXPECT_EQ(control_.get("/api/v1/users?email=ADMIN@localhost").json()["items"].size(), 1U);
  EXPECT_TRUE(control_.get("/api/v1/users?email=x@localhost").json()["items"].empty());
}

TEST_F(Users, AResetPasswordEndsTheSessionsAndHasToBeChanged) {
  Browser ann = signed_in_user(control_, {{"email", "ann@op.com"}, {"role", "operations"}});
  const std::uint64_t id = id_of("ann@op.com");
  EXPECT_EQ(control_.get(path(id) + "/sessions").json()["items"].size(), 1U);
  const Response reset = control_.post(path(id) + "/password", json::object());
  ASSERT_EQ(reset.status, 200) << reset.body;
  EXPECT_FALSE(ann.is_signed_in());
  EXPECT_EQ(ann.sign_in("ann@op.com", "chosen by the user").status, 401);
  EXPECT_TRUE(ann.sign_in("ann@op.com", reset.json()["password"]).json()["user"]["must_change_password"]);
  EXPECT_EQ(control_.call("DELETE", path(id) + "/sessions").status, 204);
  EXPECT_FALSE(ann.is_signed_in());
  EXPECT_EQ(control_.get("/api/v1/audit").body.find(reset.json()["password"].get<std::string>()), std::string::npos);
}

TEST_F(Users, ATenantIsToldByItsNumberOrTheListIsRefused) {
  const std::string acme = std::to_string(control_.create("tenants", {{"name", "acme"}}));
  for (const std::string list :
       {"users", "domains", "origin-groups", "certificates", "certificates/orders", "tokens", "contracts", "packages",
        "statements", "caps", "tasks", "audit", "statistics", "statistics/bandwidth"}) {
    const std::string asked = "/api/v1/" + list + "?tenant=";
    EXPECT_EQ(control_.get(asked + acme).status, 200) << list;
    for (const char* garbage : {"", "acme", "-1", "1x", "18446744073709551616"}) {
      const Response refused = control_.get(asked + garbage);
      EXPECT_EQ(refused.status, 400) << list << " " << garbage << "\n" << refused.body;
      EXPECT_NE(refused.json().value("detail", "").find("tenant"), std::string::npos) << refused.body;
    }
    // What people did, and what was done, outlives the tenant; charts of nobody are empty.
    const bool outlives = list == "tasks" || list == "audit" || list.starts_with("statistics");
    EXPECT_EQ(control_.get(asked + "4711").status, outlives ? 200 : 400) << list;
  }
  EXPECT_EQ(control_.get("/api/v1/users?tenant=0").json()["items"].size(), 1U) << "the operator's own";
}

TEST(TenantsAccounts, AreSoManyAndNoMore) {
  TestControl control;
  const auto database = store::Database::open(control.database_url());
  ASSERT_TRUE(database);
  const model::TenantId tenant{control.create("tenants", {{"name", "acme"}})};
  const auto filled = (*database)->write([&](store::Transaction& tx) -> Status {
    for (int i = 0; i < 1000; ++i) {
      store::ApiToken token{.name = "t", .role = "viewer", .tenant = tenant};
      YZ_CHECK(store::TokenStore(tx).create({}, token));
      const std::string email = std::to_string(i) + "@acme.com";
      YZ_CHECK(store::UserStore(tx).create({}, {.email = email, .role = "viewer", .tenant = tenant}, ""));
    }
    return {};
  });
  ASSERT_TRUE(filled);
  const json token = {{"name", "one more"}, {"role", "viewer"}, {"tenant", tenant.value}};
  const Response refused = control.post("/api/v1/tokens", token);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json()["detail"], "A tenant has at most 1,000 tokens; revoke one first.");
  const json user = {{"email", "more@acme.com"}, {"role", "viewer"}, {"tenant", tenant.value}};
  EXPECT_EQ(control.post("/api/v1/users", user).status, 409);
  ASSERT_EQ(control.call("DELETE", "/api/v1/tokens/2").status, 204);
  EXPECT_EQ(control.post("/api/v1/tokens", token).status, 201);
  EXPECT_EQ(control.post("/api/v1/tokens", {{"name", "ours"}, {"role", "support"}}).status, 201) << "have no limit";
}

TEST_F(Users, AnOwnerLooksAfterItsOwnTenantOnly) {
  const auto a = control_.create("tenants", {{"name", "a"}});
  const auto b = control_.create("tenants", {{"name", "b"}});
  Browser owner = signed_in_user(control_, {{"email", "o@a.com"}, {"role", "owner"}, {"tenant", a}});
  signed_in_user(control_, {{"email", "o@b.com"}, {"role", "owner"}, {"tenant", b}});

  const Response member = owner.post("/api/v1/users", {{"email", "m@a.com"}, {"role", "member"}});
  ASSERT_EQ(member.status, 201) << member.body;
  EXPECT_EQ(member.json()["tenant"], a);
  EXPECT_EQ(owner.get("/api/v1/users?tenant=" + std::to_string(b)).status, 404);
  const json list = owner.get("/api/v1/users?tenant=" + std::to_string(a)).json();
  EXPECT_EQ(list["items"].size(), 2U) << list;
  for (const json& user : list["items"]) EXPECT_EQ(user["tenant"], a);

  EXPECT_EQ(owner.get(path(id_of("o@b.com"))).status, 404);
  EXPECT_EQ(owner.get(path(id_of("admin@localhost"))).status, 404);
  const auto pointer = [&](const json& body) {
    const Response answer = owner.post("/api/v1/users", body);
    EXPECT_EQ(answer.status, 422) << answer.body;
    return answer.json()["errors"][0]["pointer"].get<std::string>();
  };
  EXPECT_EQ(pointer({{"email", "x@a.com"}, {"role", "admin"}}), "/role");
  EXPECT_EQ(pointer({{"email", "x@a.com"}, {"role", "member"}, {"tenant", b}}), "/tenant");
  EXPECT_EQ(pointer({{"email", "no"}, {"role", "member"}}), "/email");
  EXPECT_EQ(pointer({{"email", "x@a.com"}, {"role", "member"}, {"password", "short"}}), "/password");
  EXPECT_EQ(pointer({{"email", "x@a.com"}, {"role", "member"}, {"domains", {77}}}), "/domains/0");
}

TEST_F(Users, NobodyLocksThemselvesOut) {
  Browser admin = signed_in_user(control_, {{"email", "b@op.com"}, {"role", "admin"}});
  const std::uint64_t id = id_of("b@op.com");
  const auto patch = [&](const json& body) {
    return admin.call("PATCH", path(id), body.dump(), {{"If-Match", "*"}}).status;
  };
  EXPECT_EQ(patch({{"role", "support"}}), 409);
  EXPECT_EQ(patch({{"enabled", false}}), 409);
  EXPECT_EQ(patch({{"name", "B"}}), 200);
  EXPECT_EQ(admin.call("DELETE", path(id), "", {{"If-Match", "*"}}).status, 409);
}

TEST_F(Users, RolesLimitWhatPeopleMayDo) {
  const TestControl::World world = control_.make_world(1);
  Browser support = signed_in_user(control_, {{"email", "s@op.com"}, {"role", "support"}});
  Browser operations = signed_in_user(control_, {{"email", "o@op.com"}, {"role", "operations"}});
  Browser viewer = signed_in_user(control_, {{"email", "v@a.com"}, {"role", "viewer"}, {"tenant", world.tenant}});
  Browser billing = signed_in_user(control_, {{"email", "b@a.com"}, {"role", "billing"}, {"tenant", world.tenant}});
  const json purge = {{"domains", {"www.a.com"}}};
  EXPECT_EQ(support.get("/api/v1/node-states").status, 200);
  EXPECT_EQ(support.post("/api/v1/refresh", purge).status, 403);
  EXPECT_EQ(operations.post("/api/v1/refresh", purge).status, 202);
  EXPECT_EQ(operations.post("/api/v1/users", {{"email", "x@op.com"}, {"role", "admin"}}).status, 403);
  EXPECT_EQ(operations.post("/api/v1/tokens", {{"name", "x"}, {"role", "operator"}}).status, 403);
  EXPECT_EQ(viewer.get("/api/v1/domains").json()["items"].size(), 1U);
  EXPECT_EQ(viewer.post("/api/v1/refresh", purge).status, 403);
  EXPECT_EQ(viewer.get("/api/v1/users").status, 403);
  EXPECT_EQ(billing.get("/api/v1/usage").status, 200);
  EXPECT_EQ(billing.get("/api/v1/certificates").status, 403);
}

TEST_F(Users, WhoIsBoundToADomainSeesNoOther) {
  const TestControl::World world = control_.make_world(1);
  control_.create("domains", {{"tenant", world.tenant}, {"name", "www.b.com"}, {"origin_group", world.origins}});
  ASSERT_EQ(control_.post("/api/v1/refresh", {{"domains", {"www.a.com", "www.b.com"}}}).status, 202);
  Browser ann = signed_in_user(
      control_, {{"email", "m@a.com"}, {"role", "member"}, {"tenant", world.tenant}, {"domains", {world.domain}}});
  const json list = ann.get("/api/v1/domains").json();
  ASSERT_EQ(list["items"].size(), 1U) << list;
  EXPECT_EQ(list["items"][0]["name"], "www.a.com");
  EXPECT_EQ(ann.get("/api/v1/domains/" + std::to_string(world.domain + 1)).status, 404);
  EXPECT_EQ(ann.get("/api/v1/usage?domain=www.b.com").status, 404);
  EXPECT_EQ(ann.get("/api/v1/usage?domain=www.a.com").status, 200);
  EXPECT_EQ(ann.get("/api/v1/statistics/bandwidth?domain=www.b.com").status, 404);
  EXPECT_EQ(ann.get("/api/v1/statistics/bandwidth?domain=www.a.com").status, 200);
  EXPECT_EQ(ann.get("/api/v1/statistics/bandwidth").status, 404);
  EXPECT_EQ(ann.get("/api/v1/domains/" + std::to_string(world.domain + 1) + "/cname-check").status, 404);
  EXPECT_NE(ann.get("/api/v1/domains/" + std::to_string(world.domain) + "/cname-check").status, 404);
  EXPECT_EQ(ann.get("/api/v1/explain?name=www.b.com&address=1.2.4.8").status, 404);
  EXPECT_EQ(ann.post("/api/v1/refresh", {{"domains", {"www.b.com"}}}).status, 422);
  EXPECT_EQ(ann.post("/api/v1/refresh", {{"urls", {"http://www.a.com/x"}}}).status, 202);
  EXPECT_EQ(ann.get("/api/v1/tasks").json()["items"].size(), 1U) << "the task over both is not shown";
  EXPECT_EQ(ann.get("/api/v1/tasks/1").status, 404);
  EXPECT_EQ(ann.get("/api/v1/certificates").status, 403);
  EXPECT_EQ(ann.post("/api/v1/domains", {{"name", "www.c.com"}, {"origin_group", world.origins}}).status, 403);
}

TEST_F(Users, ATokenMayDoLessThanItsRole) {
  const TestControl::World world = control_.make_world(1);
  const auto token = [&](json body) {
    body["name"] = "ci";
    const Response made = control_.post("/api/v1/tokens", body);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json().value("token", "");
  };
  const auto status = [&](const std::string& method, const std::string& path, const std::string& secret,
                          const std::string& body = "") {
    return control_.call(method, path, body, {}, secret).status;
  };
  const std::string purge = R"({"domains":["www.a.com"]})";
  const std::string refresher = token({{"role", "operator"}, {"permissions", {"refresh:write"}}});
  EXPECT_EQ(status("POST", "/api/v1/refresh", refresher, purge), 202);
  EXPECT_EQ(status("GET", "/api/v1/domains", refresher), 403);
  EXPECT_EQ(control_.call("GET", "/api/v1/whoami", "", {}, refresher).json()["permissions"],
            json({"refresh:write", "self:read", "self:write"}));

  const std::string elsewhere = token({{"role", "operator"}, {"addresses", {"192.0.2.0/24"}}});
  EXPECT_EQ(status("GET", "/api/v1/domains", elsewhere), 403);
  const std::string here = token({{"role", "operator"}, {"addresses", {"192.0.2.0/24", "127.0.0.0/8"}}});
  EXPECT_EQ(status("GET", "/api/v1/domains", here), 200);
  EXPECT_EQ(status("POST", "/api/v1/tokens", here, R"({"name":"x","role":"operator"})"), 403)
      << "it would be good from anywhere";

  const std::string bound = token({{"role", "tenant"}, {"tenant", world.tenant}, {"domains", {world.domain}}});
  EXPECT_EQ(status("GET", "/api/v1/domains", bound), 200);
  EXPECT_EQ(status("GET", "/api/v1/origin-groups", bound), 403);
  const json shown = control_.get("/api/v1/tokens").json()["items"].back();
  EXPECT_EQ(shown["domains"], json::array({world.domain}));
}

TEST_F(Users, NobodyGivesWhatTheyDoNotHave) {
  const auto a = control_.create("tenants", {{"name", "a"}});
  Browser owner = signed_in_user(control_, {{"email", "o@a.com"}, {"role", "owner"}, {"tenant", a}});
  EXPECT_EQ(owner.post("/api/v1/tokens", {{"name", "x"}, {"role", "operator"}}).status, 422);
  const Response made = owner.post("/api/v1/tokens", {{"name", "x"}, {"role", "tenant"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["tenant"], a);
  EXPECT_EQ(owner.get("/api/v1/tokens").json()["items"].size(), 1U) << "the operator's are not shown";
  EXPECT_EQ(owner.call("DELETE", "/api/v1/tokens/1").status, 404);
  EXPECT_EQ(owner.post("/api/v1/tokens", {{"name", "x"}, {"role", "viewer"}, {"permissions", {"domain:write"}}})
                .json()["errors"][0]["pointer"],
            "/permissions/0");
  EXPECT_EQ(owner.post("/api/v1/tokens", {{"name", "x"}, {"role", "tenant"}, {"addresses", {"here"}}})
                .json()["errors"][0]["pointer"],
            "/addresses/0");
}

}  // namespace
}  // namespace yz::control
