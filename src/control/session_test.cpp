// Signing in with a browser: sessions, CSRF, brute force.

#include <gtest/gtest.h>

#include "control/sign_in.h"
#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Response;
using test::TestControl;

using Headers = std::vector<std::pair<std::string, std::string>>;

class Sessions : public testing::Test {
 protected:
  Response sign_in(const json& body, Headers headers = {}) {
    return control_.call("POST", "/api/v1/session", body.dump(), std::move(headers), "");
  }
  Response sign_in_as_admin(Headers headers = {}) {
    return sign_in({{"email", "admin@localhost"}, {"password", control_.admin_password()}}, std::move(headers));
  }
  /// "yz_session=…" of an answer that sets it.
  static std::string cookie(const Response& answer) {
    const auto it = answer.headers.find("set-cookie");
    return it == answer.headers.end() ? "" : it->second.substr(0, it->second.find(';'));
  }
  Response call(const std::string& method, const std::string& path, const std::string& body, Headers headers) {
    return control_.call(method, path, body, std::move(headers), "");
  }

  TestControl control_;
};

TEST_F(Sessions, BeginWithACookieThatNoScriptAndNoOtherSiteCanUse) {
  const Response answer = sign_in_as_admin();
  ASSERT_EQ(answer.status, 201) << answer.body;
  const std::string& set = answer.headers.at("set-cookie");
  EXPECT_TRUE(set.starts_with("yz_session=")) << set;
  for (const char* attribute : {"; Path=/", "; HttpOnly", "; SameSite=Strict"}) {
    EXPECT_NE(set.find(attribute), std::string::npos) << set;
  }
  EXPECT_EQ(set.find("Secure"), std::string::npos) << "plain HTTP";
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  const json body = answer.json();
  EXPECT_EQ(body["user"]["email"], "admin@localhost");
  EXPECT_TRUE(body["tenant"].is_null());
  EXPECT_EQ(body["role"], "admin");
  EXPECT_EQ(body["permissions"].size(), all_permissions().size());
  EXPECT_FALSE(body["csrf"].get<std::string>().empty());

  const Response again = call("GET", "/api/v1/session", "", {{"Cookie", cookie(answer)}});
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.json()["csrf"], body["csrf"]);
  EXPECT_EQ(call("GET", "/api/v1/tenants", "", {{"Cookie", "a=b; " + cookie(answer)}}).status, 200);
}

TEST_F(Sessions, OverTlsTheCookieIsSecure) {
  const Response answer = sign_in_as_admin({{"X-Forwarded-Proto", "https"}});
  EXPECT_NE(answer.headers.at("set-cookie").find("; Secure"), std::string::npos);
}

TEST_F(Sessions, ChangesNeedTheCsrfToken) {
  const Response answer = sign_in_as_admin();
  const std::string held = cookie(answer);
  const std::string body = R"({"name":"acme"})";
  EXPECT_EQ(call("POST", "/api/v1/tenants", body, {{"Cookie", held}}).json()["type"], "urn:yizhan:problem:csrf");
  EXPECT_EQ(call("POST", "/api/v1/tenants", body, {{"Cookie", held}, {"X-Csrf-Token", "x"}}).status, 403);
  const std::string csrf = answer.json()["csrf"];
  EXPECT_EQ(call("POST", "/api/v1/tenants", body, {{"Cookie", held}, {"X-Csrf-Token", csrf}}).status, 201);
  // Another session's token does not do.
  const std::string other = sign_in_as_admin().json()["csrf"];
  EXPECT_EQ(call("POST", "/api/v1/tenants", body, {{"Cookie", held}, {"X-Csrf-Token", other}}).status, 403);
  const json entry = control_.get("/api/v1/audit?limit=5").json();
  EXPECT_NE(entry.dump().find("user:1 admin@localhost"), std::string::npos) << "the user is the actor";
}

TEST_F(Sessions, EndForGood) {
  const Response answer = sign_in_as_admin();
  const Headers signed_in = {{"Cookie", cookie(answer)}, {"X-Csrf-Token", answer.json()["csrf"]}};
  const Response ended = call("DELETE", "/api/v1/session", "", signed_in);
  EXPECT_EQ(ended.status, 204) << ended.body;
  EXPECT_NE(ended.headers.at("set-cookie").find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(call("GET", "/api/v1/session", "", signed_in).status, 401);
}

TEST_F(Sessions, AnIdThatTheBrowserBroughtIsNeverTaken) {
  const std::string planted = "yz_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const Response first = sign_in_as_admin({{"Cookie", planted}});
  ASSERT_EQ(first.status, 201);
  EXPECT_NE(cookie(first), planted);
  EXPECT_EQ(call("GET", "/api/v1/session", "", {{"Cookie", planted}}).status, 401);
  // Signing in again gives a new id and ends the one before.
  const Response second = sign_in_as_admin({{"Cookie", cookie(first)}});
  EXPECT_NE(cookie(second), cookie(first));
  EXPECT_EQ(call("GET", "/api/v1/session", "", {{"Cookie", cookie(first)}}).status, 401);
  EXPECT_EQ(call("GET", "/api/v1/session", "", {{"Cookie", cookie(second)}}).status, 200);
}

TEST_F(Sessions, AnotherSiteCannotSignSomebodyIn) {
  const json login = {{"email", "admin@localhost"}, {"password", control_.admin_password()}};
  EXPECT_EQ(sign_in(login, {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(sign_in(login, {{"Sec-Fetch-Site", "same-origin"}}).status, 201);
}

TEST_F(Sessions, NobodyLearnsWhichUsersThereAre) {
  Response wrong = sign_in({{"email", "admin@localhost"}, {"password", "wrong wrong wrong"}});
  Response unknown = sign_in({{"email", "nobody@localhost"}, {"password", "wrong wrong wrong"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(unknown.status, 401);
  json a = wrong.json();
  json b = unknown.json();
  a.erase("request_id");
  b.erase("request_id");
  EXPECT_EQ(a, b);
  EXPECT_FALSE(wrong.headers.contains("set-cookie"));
  EXPECT_EQ(control_.get("/api/v1/audit").body.find("nobody@localhost"), std::string::npos);
}

TEST_F(Sessions, GuessingIsSlowedDownForKnownAndUnknownAccountsAlike) {
  for (const char* email : {"admin@localhost", "nobody@localhost"}) {
    Response answer;
    int judged = 0;
    for (; judged < 20; ++judged) {
      answer = sign_in({{"email", email}, {"password", "wrong wrong wrong"}});
      if (answer.status != 401) break;
    }
    EXPECT_EQ(judged, 6) << email;
    EXPECT_EQ(answer.status, 429) << answer.body;
    EXPECT_GE(std::stoi(answer.headers.at("retry-after")), 1);
    EXPECT_EQ(answer.json()["type"], "urn:yizhan:problem:too_many_attempts");
  }
  // The right password has to wait as well.
  EXPECT_EQ(sign_in_as_admin().status, 429);
}

TEST_F(Sessions, SecretsAreInNoAnswerAndNoAuditEntry) {
  const Response answer = sign_in_as_admin();
  const std::string secret = cookie(answer).substr(std::string("yz_session=").size());
  EXPECT_EQ(answer.body.find(secret), std::string::npos);
  EXPECT_EQ(answer.body.find("argon2"), std::string::npos);
  const std::string audit = control_.get("/api/v1/audit").body;
  EXPECT_EQ(audit.find(secret), std::string::npos);
  EXPECT_EQ(audit.find(control_.admin_password()), std::string::npos);
  EXPECT_EQ(audit.find("argon2"), std::string::npos);
  EXPECT_NE(audit.find("\"login\""), std::string::npos);
}

TEST_F(Sessions, OutliveARestart) {
  const Response answer = sign_in_as_admin();
  control_.restart();
  EXPECT_EQ(call("GET", "/api/v1/session", "", {{"Cookie", cookie(answer)}}).status, 200);
}

TEST_F(Sessions, BodiesThatAreNoLoginAreRefusedByField) {
  EXPECT_EQ(sign_in({{"email", "a@b"}}).json()["errors"][0]["pointer"], "/password");
  EXPECT_EQ(sign_in({{"email", 1}, {"password", "x"}}).json()["errors"][0]["pointer"], "/email");
  EXPECT_EQ(control_.call("POST", "/api/v1/session", "", {}, "").status, 400);
}

TEST(Cookies, AreFoundByTheirWholeName) {
  EXPECT_EQ(cookie_value("a=1; yz_session=abc; b=2", "yz_session"), "abc");
  EXPECT_EQ(cookie_value("yz_session=abc", "yz_session"), "abc");
  EXPECT_EQ(cookie_value("xyz_session=abc; yz_session2=d", "yz_session"), "");
  EXPECT_EQ(cookie_value("yz_session", "yz_session"), "");
  EXPECT_EQ(cookie_value("", "yz_session"), "");
}

TEST(Emails, AreComparedInOneForm) {
  EXPECT_EQ(canonical_email(" Ann@Example.COM "), "ann@example.com");
  for (const char* text : {"", "ann", "@b", "a@", "a@b@c", "a b@c", "a@b\n.c"})
    EXPECT_EQ(canonical_email(text), "") << text;
}

}  // namespace
}  // namespace yz::control
