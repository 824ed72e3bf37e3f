#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/test_browser.h"
#include "control/test_openapi.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Operation;
using test::TestControl;

/// Every operation of api/openapi.yaml.
std::vector<Operation> described_operations() { return test::operations_of(test::openapi()); }

std::string key(const std::string& method, const std::string& path) { return method + " " + path; }

class RoutePermissions : public testing::Test {
 protected:
  static std::string fill(const std::string& path, std::uint64_t id) {
    return test::fill_path(path, std::to_string(id));
  }

  TestControl control_;
};

TEST_F(RoutePermissions, TheDescriptionAndTheRouterNameTheSameOperations) {
  std::map<std::string, std::string> described;
  for (const Operation& operation : described_operations()) {
    described[key(operation.method, operation.path)] = operation.permission;
  }
  std::map<std::string, std::string> served;
  for (const Route& route : control_.program().routes()) {
    EXPECT_TRUE(route.permission == kPublic || is_permission(route.permission)) << route.pattern;
    served[key(route.method, route.pattern)] = std::string(route.permission);
  }
  EXPECT_EQ(described, served);
}

TEST_F(RoutePermissions, EveryPermissionOfARouteExistsAndEveryOneIsUsed) {
  std::set<Permission> used;
  for (const Route& route : control_.program().routes()) used.insert(route.permission);
  for (const Permission permission : all_permissions()) EXPECT_TRUE(used.contains(permission)) << permission;
}

TEST_F(RoutePermissions, NothingButPublicRoutesAnswersWithoutAToken) {
  for (const Operation& operation : described_operations()) {
    const auto answer = control_.call(operation.method, fill(operation.path, 1), "", {}, "");
    EXPECT_EQ(answer.status == 401, operation.permission != kPublic) << operation.method << operation.path;
    const auto wrong = control_.call(operation.method, fill(operation.path, 1), "", {}, "yz_wrong");
    EXPECT_EQ(wrong.status == 401, operation.permission != kPublic) << operation.method << operation.path;
  }
}

TEST_F(RoutePermissions, ATenantGetsNoFurtherThanItsPermissions) {
  const TestControl::World world = control_.make_world(1);
  const std::string token = control_.tenant_token(world.tenant);
  for (const Operation& operation : described_operations()) {
    if (operation.permission == kPublic || operation.path.ends_with("/events")) continue;
    const bool allowed = is_allowed(Role::kTenant, operation.permission);
    const auto answer = control_.call(operation.method, fill(operation.path, 1), operation.method == "GET" ? "" : "{}",
                                      {{"If-Match", "\"0\""}}, token);
    EXPECT_EQ(answer.status == 403, !allowed) << operation.method << " " << operation.path << ": " << answer.body;
  }
}

TEST_F(RoutePermissions, EveryRoleGetsNoFurtherThanItsPermissions) {
  const TestControl::World world = control_.make_world(1);
  for (const char* name : {"operations", "support", "owner", "member", "billing", "viewer"}) {
    const Role role = *parse_role(name);
    json user = {{"email", std::string(name) + "@x.com"}, {"role", name}};
    if (!is_operator_role(role)) user["tenant"] = world.tenant;
    test::Browser browser = test::signed_in_user(control_, user);
    for (const Operation& operation : described_operations()) {
      if (operation.permission == kPublic || operation.path.ends_with("/events")) continue;
      if (is_allowed(role, operation.permission)) continue;
      const auto answer = browser.call(operation.method, fill(operation.path, 1), operation.method == "GET" ? "" : "{}",
                                       {{"If-Match", "*"}});
      EXPECT_EQ(answer.status, 403) << name << ": " << operation.method << " " << operation.path << answer.body;
    }
  }
}

TEST_F(RoutePermissions, EveryChangeBySessionNeedsTheCsrfToken) {
  test::Browser browser(control_);
  ASSERT_EQ(browser.sign_in("admin@localhost", control_.admin_password()).status, 201);
  browser.forget_csrf();
  for (const Operation& operation : described_operations()) {
    if (operation.permission == kPublic || operation.method == "GET") continue;
    const auto answer = browser.call(operation.method, fill(operation.path, 1), "{}", {{"If-Match", "*"}});
    EXPECT_EQ(answer.json()["type"], "urn:yizhan:problem:csrf") << operation.method << " " << operation.path;
  }
}

TEST_F(RoutePermissions, AnotherTenantsRowsDoNotExist) {
  const TestControl::World world = control_.make_world(1);
  const std::uint64_t other = control_.create("tenants", {{"name", "b"}});
  const std::string token = control_.tenant_token(other);
  test::Browser owner = test::signed_in_user(control_, {{"email", "o@b.com"}, {"role", "owner"}, {"tenant", other}});
  test::Browser victim =
      test::signed_in_user(control_, {{"email", "o@a.com"}, {"role", "owner"}, {"tenant", world.tenant}});
  const auto task = control_.post("/api/v1/refresh", {{"domains", {"www.a.com"}}});
  ASSERT_EQ(task.status, 202) << task.body;

  const std::uint64_t plan =
      control_.create("plans", {{"name", "p"},
                                {"plan",
                                 {{"regions", {{{"name", "all"}, {"countries", {"*"}}}}},
                                  {"items", {{{"id", "f"}, {"mode", "fixed"}, {"price", "1"}}}}}}});
  control_.create("contracts", {{"tenant", world.tenant}, {"plan", plan}, {"from", "2024-01-01"}});
  const std::uint64_t statement = control_.create("statements", {{"tenant", world.tenant}, {"month", "2024-01"}});

  // Every route with an id that a tenant may use, with the id of the first tenant's row.
  const std::map<std::string, std::uint64_t> rows = {
      {"domains", world.domain},
      {"origin-groups", world.origins},
      {"certificates", 1},
      {"statements", statement},
      {"caps", control_.create("caps", {{"domain", world.domain}, {"kind", "traffic"}, {"limit", 1000}})},
      {"tasks", task.json()["id"].get<std::uint64_t>()},
      {"users", control_.get("/api/v1/users?email=o@a.com").json()["items"][0]["id"].get<std::uint64_t>()},
      {"tokens", control_.post("/api/v1/tokens", {{"name", "t"}, {"role", "tenant"}, {"tenant", world.tenant}})
                     .json()["id"]
                     .get<std::uint64_t>()},
      {"account", victim.get("/api/v1/session").json()["session"].get<std::uint64_t>()}};
  for (const Operation& operation : described_operations()) {
    if (operation.path.find("{id}") == std::string::npos || !is_allowed(Role::kOwner, operation.permission)) continue;
    const std::string resource = operation.path.substr(8, operation.path.find('/', 8) - 8);
    ASSERT_TRUE(rows.contains(resource)) << "say here which row of " << resource << " is another tenant's";
    const std::string path = fill(operation.path, rows.at(resource));
    const std::string body = operation.method == "GET" ? "" : R"({"name":"www.x.com"})";
    const auto by_owner = owner.call(operation.method, path, body, {{"If-Match", "*"}});
    EXPECT_EQ(by_owner.status, 404) << operation.method << " " << operation.path << ": " << by_owner.body;
    if (!is_allowed(Role::kTenant, operation.permission)) continue;
    const auto by_token = control_.call(operation.method, path, body, {{"If-Match", "*"}}, token);
    EXPECT_EQ(by_token.status, 404) << operation.method << " " << operation.path << ": " << by_token.body;
  }
  EXPECT_TRUE(victim.is_signed_in());
  for (const char* list :
       {"domains", "origin-groups", "certificates", "tasks", "contracts", "packages", "statements", "caps"}) {
    const auto answer = control_.call("GET", std::string("/api/v1/") + list, "", {}, token);
    EXPECT_TRUE(answer.json()["items"].empty()) << list << answer.body;
    // The filter for operators does not widen a tenant's view.
    const auto widened = control_.call("GET", std::string("/api/v1/") + list + "?tenant=1", "", {}, token);
    EXPECT_TRUE(widened.json()["items"].empty()) << list << widened.body;
  }
  EXPECT_EQ(control_.call("GET", "/api/v1/usage?domain=www.a.com", "", {}, token).status, 404);
  EXPECT_EQ(control_.call("GET", "/api/v1/explain?name=www.a.com&address=1.2.4.8", "", {}, token).status, 404);
  EXPECT_EQ(control_.call("POST", "/api/v1/refresh", R"({"domains":["www.a.com"]})", {}, token).status, 422);
  EXPECT_EQ(control_.call("POST", "/api/v1/prefetch", R"({"urls":["http://www.a.com/"]})", {}, token).status, 422);
  const json stolen = {{"name", "www.b.com"}, {"origin_group", world.origins}};
  const auto reference = control_.call("POST", "/api/v1/domains", stolen.dump(), {}, token);
  EXPECT_EQ(reference.status, 422) << reference.body;
  EXPECT_EQ(reference.json()["errors"][0]["pointer"], "/origin_group");
  const json audit = control_.call("GET", "/api/v1/audit", "", {}, token).json();
  for (const auto& entry : audit["items"]) {
    EXPECT_EQ(entry.value("tenant", 0U), other) << entry;
  }
}

}  // namespace
}  // namespace yz::control
