// Signing in at an identity provider: a browser, control, and a provider on a local port that is right or wrong.

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/text.h"
#include "control/oidc/login_ticket.h"
#include "control/sign_in.h"
#include "control/test_browser.h"
#include "oidc/fake_provider_for_test.h"

namespace yz::control {
namespace {

using nlohmann::json;
using oidc::test::FakeProvider;
using test::Response;
using test::TestControl;

constexpr std::string_view kStart = "/api/v1/oidc/start";
constexpr std::string_view kCallback = "/api/v1/oidc/callback?";

/// What control set and where it sent the browser.
struct Redirect {
  int status = 0;
  std::string location;
  std::string ticket;  ///< "yz_oidc=…"; the last of its cookies
};

class OidcLogins : public testing::Test {
 protected:
  OidcLogins()
      : control_([this](ControlSettings& settings) {
          settings.oidc.issuer = provider_.issuer();
          settings.oidc.client_id = "yizhan";
          settings.oidc.client_secret = "open sesame & more";
          settings.oidc.public_url = "http://127.0.0.1:1";
          settings.oidc.display_name = "Example";
          settings.oidc.timeout = timeout_;
          settings.oidc.new_user_role = role_;
          settings.oidc.new_user_tenant = tenant_;
        }) {}

  void SetUp() override { add("ann@a.com", "support"); }
  std::uint64_t add(const std::string& email, const std::string& role) {
    return control_.create("users", {{"email", email}, {"role", role}, {"password", "chosen by an admin"}});
  }
  Redirect get(const std::string& path, const std::string& cookie = "") {
    std::vector<std::pair<std::string, std::string>> headers;
    if (!cookie.empty()) headers.emplace_back("Cookie", cookie);
    const Response answer = control_.call("GET", path, "", std::move(headers), "");
    Redirect out{answer.status, {}, {}};
    if (const auto it = answer.headers.find("location"); it != answer.headers.end()) out.location = it->second;
    const auto set = answer.headers.find("set-cookie");
    if (set != answer.headers.end()) out.ticket = set->second.substr(0, set->second.find(';'));
    if (out.status == 302) EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
    return out;
  }
  Redirect start(const std::string& return_to = "/operator/nodes") {
    return get(std::string(kStart) + "?return_to=" + percent_encode(return_to));
  }
  Redirect come_back(const std::string& query, const std::string& ticket) {
    return get(std::string(kCallback) + query, ticket);
  }
  /// The whole login of somebody with these claims.
  Redirect log_in(const json& claims = {{"email", "ann@a.com"}}) {
    const Redirect begun = start();
    const std::string query = provider_.authorize(begun.location, claims);
    EXPECT_NE(query, "") << begun.location;
    return come_back(query, begun.ticket);
  }
  /// "" when the login worked, else the reason that the page is told.
  std::string refusal_of(const Redirect& answer) {
    EXPECT_EQ(answer.status, 302);
    if (answer.location.find("?login=") == std::string::npos) return "";
    EXPECT_EQ(answer.ticket, "yz_oidc=") << "it goes";
    return answer.location.substr(answer.location.find("?login=") + 7);
  }
  std::string audit() { return control_.get("/api/v1/audit?limit=50").body; }
  std::size_t sessions_of_ann() {
    const json users = control_.get("/api/v1/users?email=ann@a.com").json();
    const std::string id = std::to_string(users["items"][0]["id"].get<int>());
    return control_.get("/api/v1/users/" + id + "/sessions").json()["items"].size();
  }
  void expect_refused(const std::string& reason, const json& claims = {{"email", "ann@a.com"}}) {
    EXPECT_EQ(refusal_of(log_in(claims)), reason);
    EXPECT_EQ(sessions_of_ann(), 0U);
  }

  FakeProvider provider_;
  std::chrono::milliseconds timeout_{5'000};
  std::string role_;
  model::TenantId tenant_;
  TestControl control_;
};

TEST_F(OidcLogins, AreOfferedWhereTheyAreSet) {
  const Response offered = control_.call("GET", "/api/v1/oidc", "", {}, "");
  EXPECT_EQ(offered.json(),
            json({{"enabled", true}, {"name", "Example"}, {"start", "http://127.0.0.1:1/api/v1/oidc/start"}}));
  TestControl without;
  EXPECT_EQ(without.call("GET", "/api/v1/oidc", "", {}, "").json(), json({{"enabled", false}}));
  EXPECT_EQ(without.call("GET", std::string(kStart), "", {}, "").status, 404);
  EXPECT_EQ(without.call("GET", std::string(kCallback) + "code=1&state=2", "", {}, "").status, 404);
}

TEST_F(OidcLogins, BeginASessionLikeAPasswordDoes) {
  const Redirect begun = start();
  EXPECT_TRUE(begun.location.starts_with(provider_.issuer() + "/authorize?tenant=a&response_type=code"));
  EXPECT_EQ(begun.location.find("open"), begun.location.find("openid")) << "no secret in it";
  const std::string query = provider_.authorize(begun.location, {{"email", "Ann@A.com"}});
  ASSERT_NE(query, "");
  const Response answer = control_.call("GET", std::string(kCallback) + query, "", {{"Cookie", begun.ticket}}, "");
  ASSERT_EQ(answer.status, 302) << answer.body;
  EXPECT_EQ(answer.headers.at("location"), "/operator/nodes");
  EXPECT_EQ(answer.headers.at("referrer-policy"), "no-referrer");
  EXPECT_EQ(answer.headers.at("set-cookie").find("yz_oidc=;"), 0U) << "the ticket goes";
  EXPECT_EQ(sessions_of_ann(), 1U);
  const std::string log = audit();
  EXPECT_NE(log.find("link_identity"), std::string::npos);
  EXPECT_NE(log.find(R"("by":"oidc")"), std::string::npos) << log;
  const std::string code = oidc::test::parameters_of(query).at("code");
  EXPECT_EQ(log.find(code), std::string::npos);
}

TEST_F(OidcLogins, FindTheUserBySubjectOnceLinked) {
  ASSERT_EQ(refusal_of(log_in()), "");
  EXPECT_EQ(refusal_of(log_in({{"email", "renamed@a.com"}})), "") << "the address changed at the provider";
  EXPECT_EQ(sessions_of_ann(), 2U);
  // The provider gave the address to somebody else: they do not get the user with it.
  EXPECT_EQ(refusal_of(log_in({{"email", "ann@a.com"}, {"sub", "subject 2"}})), "conflict");
  const json users = control_.get("/api/v1/users?email=ann@a.com").json();
  const std::string path = "/api/v1/users/" + std::to_string(users["items"][0]["id"].get<int>()) + "/identities";
  EXPECT_EQ(control_.call("DELETE", path).status, 204);
  EXPECT_EQ(refusal_of(log_in({{"email", "ann@a.com"}, {"sub", "subject 2"}})), "") << "an administrator said so";
  EXPECT_EQ(refusal_of(log_in()), "conflict");
}

TEST_F(OidcLogins, ShowInTheListOfUsersUntilTheyAreForgotten) {
  const auto ann = [this] { return control_.get("/api/v1/users?email=ann@a.com").json()["items"][0]; };
  EXPECT_FALSE(ann().contains("identity_issuer"));
  ASSERT_EQ(refusal_of(log_in()), "");
  EXPECT_EQ(ann()["identity_issuer"], provider_.issuer());
  const std::string path = "/api/v1/users/" + std::to_string(ann()["id"].get<int>());
  EXPECT_EQ(control_.get(path).json()["identity_issuer"], provider_.issuer());
  EXPECT_EQ(control_.call("PATCH", path, R"({"identity_issuer":"x"})", {{"If-Match", "*"}}).status, 422);
  EXPECT_EQ(control_.call("DELETE", path + "/identities").status, 204);
  EXPECT_FALSE(ann().contains("identity_issuer"));
}

TEST_F(OidcLogins, EndThePasswordThatSomebodyElseChose) {
  test::Browser browser(control_);
  EXPECT_EQ(browser.sign_in("ann@a.com", "chosen by an admin").status, 201);
  ASSERT_EQ(refusal_of(log_in()), "");
  EXPECT_EQ(browser.sign_in("ann@a.com", "chosen by an admin").status, 401);
}

TEST_F(OidcLogins, LeaveThePasswordThatTheUserChose) {
  test::signed_in_user(control_, {{"email", "bob@a.com"}, {"role", "support"}});
  ASSERT_EQ(refusal_of(log_in({{"email", "bob@a.com"}})), "");
  test::Browser browser(control_);
  EXPECT_EQ(browser.sign_in("bob@a.com", "chosen by the user").status, 201);
}

TEST_F(OidcLogins, TakeEs256AndASecretInTheBody) {
  provider_.set([](auto& how) {
    how.is_p256 = true;
    how.takes_basic_auth = false;
  });
  EXPECT_EQ(refusal_of(log_in()), "");
}

TEST_F(OidcLogins, AreGoodOnce) {
  const Redirect begun = start();
  const std::string query = provider_.authorize(begun.location, {{"email", "ann@a.com"}});
  EXPECT_EQ(refusal_of(come_back(query, begun.ticket)), "");
  EXPECT_EQ(refusal_of(come_back(query, begun.ticket)), "state");
  EXPECT_EQ(provider_.exchanges(), 1);
}

TEST_F(OidcLogins, OfAnotherBrowserAreRefused) {
  const Redirect mine = start();
  const Redirect others = start();
  const std::string query = provider_.authorize(mine.location, {{"email", "ann@a.com"}});
  EXPECT_EQ(refusal_of(come_back(query, "")), "state");
  EXPECT_EQ(refusal_of(come_back(query, others.ticket)), "state");
  EXPECT_EQ(refusal_of(come_back(query, "yz_oidc=s1.AAAA")), "state");
  const std::string without_state = "code=" + percent_encode(oidc::test::parameters_of(query).at("code"));
  EXPECT_EQ(refusal_of(come_back(without_state, mine.ticket)), "state");
  EXPECT_EQ(provider_.exchanges(), 0) << "the code went nowhere";
}

TEST_F(OidcLogins, WithTheCodeOfAnotherLoginAreRefused) {
  const Redirect victim = start();
  const Redirect attacker = start();
  const auto stolen = oidc::test::parameters_of(provider_.authorize(victim.location, {{"email", "ann@a.com"}}));
  const auto own = oidc::test::parameters_of(provider_.authorize(attacker.location, {{"email", "eve@a.com"}}));
  const std::string query = "code=" + percent_encode(stolen.at("code")) + "&state=" + own.at("state") +
                            "&iss=" + percent_encode(provider_.issuer());
  EXPECT_EQ(refusal_of(come_back(query, attacker.ticket)), "token");
}

TEST_F(OidcLogins, WithATokenThatDoesNotHoldAreRefused) {
  using Edit = std::function<void(json&, json&)>;
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(SystemClock::instance().wall().time_since_epoch()).count();
  const std::pair<const char*, Edit> edits[] = {
      {"nonce", [](json&, json& claims) { claims["nonce"] = "another login's"; }},
      {"issuer", [](json&, json& claims) { claims["iss"] = "https://evil.test"; }},
      {"audience", [](json&, json& claims) { claims["aud"] = "another client"; }},
      {"expired", [now](json&, json& claims) { claims["exp"] = now - 3'600; }},
      {"unknown key", [](json& header, json&) { header["kid"] = "nobody's"; }},
  };
  for (const auto& [what, edit] : edits) {
    SCOPED_TRACE(what);
    provider_.set([&edit](auto& how) { how.edit = edit; });
    expect_refused("token");
  }
  provider_.set([](auto& how) {
    how.edit = {};
    how.replace = [](const std::string& token) {
      return to_base64url(R"({"alg":"none"})") + token.substr(token.find('.'), token.rfind('.') - token.find('.') + 1);
    };
  });
  expect_refused("token");
  const std::string pem = provider_.rsa().public_pem();
  provider_.set([&pem](auto& how) {
    how.replace = [pem](const std::string& token) {
      const std::string text = to_base64url(R"({"alg":"HS256","kid":"rsa-1"})") +
                               token.substr(token.find('.'), token.rfind('.') - token.find('.'));
      return text + '.' + to_base64url(hmac_sha256(pem, text));
    };
  });
  expect_refused("token");
}

TEST_F(OidcLogins, OfAnotherIssuerAreRefusedBeforeTheCodeGoesAnywhere) {
  const Redirect begun = start();
  const auto given = oidc::test::parameters_of(provider_.authorize(begun.location, {{"email", "ann@a.com"}}));
  const std::string query = "code=" + percent_encode(given.at("code")) + "&state=" + given.at("state");
  EXPECT_EQ(refusal_of(come_back(query + "&iss=https%3A%2F%2Fevil.test", begun.ticket)), "token");
  EXPECT_EQ(provider_.exchanges(), 0);
}

TEST_F(OidcLogins, OfUnverifiedUnknownOrDisabledPeopleAreRefused) {
  expect_refused("unverified", {{"email", "ann@a.com"}, {"email_verified", false}});
  expect_refused("unverified", {{"email", "ann@a.com"}, {"email_verified", "true"}});
  expect_refused("unverified", json::object());
  expect_refused("unverified", {{"email", "no address"}});
  expect_refused("unknown", {{"email", "nobody@a.com"}});
  const std::uint64_t bob = add("bob@a.com", "support");
  const std::string path = "/api/v1/users/" + std::to_string(bob);
  const auto enable = [&](bool enabled) {
    return control_.call("PATCH", path, json{{"enabled", enabled}}.dump(), {{"If-Match", "*"}}).status;
  };
  ASSERT_EQ(enable(false), 200);
  EXPECT_EQ(refusal_of(log_in({{"email", "bob@a.com"}})), "disabled");
  EXPECT_EQ(audit().find("link_identity"), std::string::npos) << "nobody was linked";
  ASSERT_EQ(enable(true), 200);
  EXPECT_EQ(refusal_of(log_in({{"email", "bob@a.com"}})), "");
  ASSERT_EQ(enable(false), 200);
  EXPECT_EQ(refusal_of(log_in({{"email", "bob@a.com"}})), "disabled") << "though linked";
  EXPECT_NE(audit().find("login_failed"), std::string::npos);
}

TEST_F(OidcLogins, ComeBackToOurOwnPathsOnly) {
  for (const char* path :
       {"//evil.test/", "https://evil.test/", "/\\evil.test", "/api/v1/session", "/portal//evil.test"}) {
    const Redirect begun = start(path);
    const Redirect done = come_back(provider_.authorize(begun.location, {{"email", "ann@a.com"}}), begun.ticket);
    EXPECT_EQ(done.location, "/portal/") << path;
  }
}

TEST_F(OidcLogins, ThatTheProviderRefusedSayWhy) {
  const Redirect begun = start("/portal/domains");
  const std::string state = "&state=" + oidc::test::parameters_of(begun.location).at("state");
  EXPECT_EQ(come_back("error=access_denied" + state, begun.ticket).location, "/portal/?login=denied");
  const Redirect second = start();
  const std::string other = "&state=" + oidc::test::parameters_of(second.location).at("state");
  EXPECT_EQ(come_back("error=server_error%0Aforged&error_description=x" + other, second.ticket).location,
            "/operator/?login=provider");
}

TEST_F(OidcLogins, EndTheSessionThatTheBrowserHad) {
  const Response first =
      control_.call("POST", "/api/v1/session",
                    json{{"email", "admin@localhost"}, {"password", control_.admin_password()}}.dump(), {}, "");
  const std::string& set = first.headers.at("set-cookie");
  const std::string held = set.substr(0, set.find(';'));
  EXPECT_EQ(control_.call("GET", "/api/v1/session", "", {{"Cookie", held}}, "").status, 200);
  const Redirect begun = get(std::string(kStart), held);
  // SameSite=Strict: the session's cookie does not come with the provider's redirect.
  EXPECT_EQ(refusal_of(come_back(provider_.authorize(begun.location, {{"email", "ann@a.com"}}), begun.ticket)), "");
  EXPECT_EQ(control_.call("GET", "/api/v1/session", "", {{"Cookie", held}}, "").status, 401);
}

TEST_F(OidcLogins, SayWhenTheProviderIsDownOrBroken) {
  provider_.set([](auto& how) { how.is_down = true; });
  EXPECT_EQ(start().location, "/operator/?login=provider");
  provider_.set([](auto& how) { how = {.rubbish = "<html>"}; });
  EXPECT_EQ(start().location, "/operator/?login=provider");
  provider_.set([](auto& how) { how = {.metadata_issuer = "https://evil.test"}; });
  EXPECT_EQ(start().location, "/operator/?login=provider");
  provider_.set([](auto& how) { how = {}; });
  const Redirect begun = start();
  const std::string query = provider_.authorize(begun.location, {{"email", "ann@a.com"}});
  provider_.set([](auto& how) { how.rubbish = "]"; });
  EXPECT_EQ(refusal_of(come_back(query, begun.ticket)), "provider");
}

TEST_F(OidcLogins, ThatFailAgainAndAgainHaveToWait) {
  std::string reason;
  int judged = 0;
  for (; judged < 40 && reason != "too_many"; ++judged) reason = refusal_of(log_in({{"email", "nobody@a.com"}}));
  EXPECT_EQ(reason, "too_many");
  EXPECT_EQ(judged, 32) << "thirty are free, and one more is judged";
  EXPECT_EQ(control_.get("/healthz").status, 200);
}

class SlowProvider : public OidcLogins {
 protected:
  SlowProvider() {
    timeout_ = std::chrono::milliseconds(200);
    control_.restart();
  }
};

TEST_F(SlowProvider, EndsTheLoginInTimeAndKeepsNothingElseWaiting) {
  provider_.set([](auto& how) { how.delay = std::chrono::milliseconds(2'000); });
  EXPECT_EQ(start().location, "/operator/?login=provider");
  EXPECT_EQ(control_.get("/healthz").status, 200);
}

class NewPeople : public OidcLogins {
 protected:
  NewPeople() {
    tenant_ = model::TenantId{control_.create("tenants", {{"name", "acme"}})};
    role_ = "viewer";
    control_.restart();
  }
};

TEST_F(NewPeople, AreMadeWithTheRoleOfTheSettings) {
  EXPECT_EQ(refusal_of(log_in({{"email", "new@acme.com"}, {"name", "New"}, {"sub", "7"}})), "");
  const json users = control_.get("/api/v1/users?email=new@acme.com").json()["items"];
  ASSERT_EQ(users.size(), 1U);
  EXPECT_EQ(users[0]["role"], "viewer");
  EXPECT_EQ(users[0]["tenant"], tenant_.value);
  EXPECT_EQ(users[0]["name"], "New");
  EXPECT_EQ(users[0]["must_change_password"], false);
  test::Browser browser(control_);
  EXPECT_EQ(browser.sign_in("new@acme.com", "").status, 401) << "no password is theirs";
  EXPECT_EQ(refusal_of(log_in({{"email", "new@acme.com"}, {"sub", "7"}})), "") << "the same user";
}

}  // namespace
}  // namespace yz::control
