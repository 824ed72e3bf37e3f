// What people do with their own account: password, devices, second factor. And the audit's chain.

#include <gtest/gtest.h>

#include "base/text.h"
#include "control/test_browser.h"
#include "control/totp.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::Browser;
using test::Response;
using test::signed_in_user;
using test::TestControl;

WallTime now() { return SystemClock::instance().wall(); }

/// RFC 4648 §6, as an authenticator reads it.
std::string from_base32(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    buffer = buffer << 5 | static_cast<std::uint32_t>(alphabet.find(c));
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(buffer >> bits & 0xff));
  }
  return out;
}

class Account : public testing::Test {
 protected:
  Browser ann() { return signed_in_user(control_, {{"email", "ann@op.com"}, {"role", "operations"}}); }
  static Response prove(Browser& browser, const std::string& path) {
    return browser.post(path, {{"password", "chosen by the user"}});
  }

  TestControl control_;
};

TEST_F(Account, APasswordIsChangedByWhoKnowsIt) {
  Browser first = ann();
  Browser second(control_);
  ASSERT_EQ(second.sign_in("ann@op.com", "chosen by the user").status, 201);
  const auto change = [&](const char* current, const char* password) {
    return first.put("/api/v1/account/password", {{"current", current}, {"password", password}});
  };
  EXPECT_EQ(change("not the one", "another password").json()["errors"][0]["pointer"], "/current");
  EXPECT_EQ(change("chosen by the user", "short").json()["errors"][0]["pointer"], "/password");
  EXPECT_EQ(change("chosen by the user", "chosen by the user").status, 422);
  EXPECT_EQ(change("chosen by the user", "another password").status, 200);
  EXPECT_TRUE(first.is_signed_in()) << "with a new secret";
  EXPECT_FALSE(second.is_signed_in());
  EXPECT_EQ(second.sign_in("ann@op.com", "another password").status, 201);
}

TEST_F(Account, GuessingThePasswordOfAnOpenSessionIsSlowedDown) {
  Browser browser = ann();
  int status = 0;
  for (int i = 0; i < 10 && status != 429; ++i) {
    status = browser.put("/api/v1/account/password", {{"current", "guess"}, {"password", "another password"}}).status;
  }
  EXPECT_EQ(status, 429);
}

TEST_F(Account, DevicesAreListedAndSignedOut) {
  Browser first = ann();
  Browser second(control_);
  ASSERT_EQ(second.sign_in("ann@op.com", "chosen by the user").status, 201);
  const json list = first.get("/api/v1/account/sessions").json()["items"];
  ASSERT_EQ(list.size(), 2U) << list;
  EXPECT_TRUE(list[0]["current"]);
  EXPECT_FALSE(list[1]["current"]);
  EXPECT_EQ(list[0]["address"], "127.0.0.1");
  const std::string other = "/api/v1/account/sessions/" + std::to_string(list[1]["id"].get<std::uint64_t>());
  EXPECT_EQ(first.call("DELETE", other).status, 204);
  EXPECT_EQ(first.call("DELETE", other).status, 404);
  EXPECT_FALSE(second.is_signed_in());
  ASSERT_EQ(second.sign_in("ann@op.com", "chosen by the user").status, 201);
  EXPECT_EQ(first.call("DELETE", "/api/v1/account/sessions").status, 204);
  EXPECT_TRUE(first.is_signed_in());
  EXPECT_FALSE(second.is_signed_in());
  // Nobody ends another user's session by its id.
  Browser admin(control_);
  ASSERT_EQ(admin.sign_in("admin@localhost", control_.admin_password()).status, 201);
  const auto foreign = admin.get("/api/v1/session").json()["session"].get<std::uint64_t>();
  EXPECT_EQ(first.call("DELETE", "/api/v1/account/sessions/" + std::to_string(foreign)).status, 404);
}

TEST_F(Account, ATokenHasNone) {
  for (const char* path : {"/api/v1/account/sessions", "/api/v1/account/second-factor"}) {
    EXPECT_EQ(control_.get(path).status, 409) << path;
  }
  EXPECT_EQ(control_.get("/api/v1/session").status, 404);
}

TEST_F(Account, WithASecondFactorAPasswordIsNotEnough) {
  Browser browser = ann();
  EXPECT_EQ(browser.post("/api/v1/account/second-factor", {{"password", "wrong"}}).status, 422);
  const Response begun = prove(browser, "/api/v1/account/second-factor");
  ASSERT_EQ(begun.status, 200) << begun.body;
  const std::string secret = from_base32(begun.json()["secret"]);
  EXPECT_EQ(secret.size(), kTotpSecretBytes);
  EXPECT_NE(begun.json()["uri"].get<std::string>().find("otpauth://totp/"), std::string::npos);
  EXPECT_EQ(Browser(control_).sign_in("ann@op.com", "chosen by the user").status, 201) << "not in force yet";

  EXPECT_EQ(browser.post("/api/v1/account/second-factor/confirm", {{"code", "000000x"}}).status, 422);
  const std::string first = totp_code(secret, totp_step(now()));
  const Response confirmed = browser.post("/api/v1/account/second-factor/confirm", {{"code", first}});
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  const json codes = confirmed.json()["recovery_codes"];
  EXPECT_EQ(codes.size(), kRecoveryCodes);

  Browser other(control_);
  const auto type = [&](const std::string& code) {
    return other.sign_in("ann@op.com", "chosen by the user", code).json().value("type", "signed in");
  };
  EXPECT_EQ(type(""), "urn:yizhan:problem:code_required");
  EXPECT_EQ(type("000000"), "urn:yizhan:problem:wrong_code");
  EXPECT_EQ(type(first), "urn:yizhan:problem:wrong_code") << "it confirmed already";
  EXPECT_EQ(type(totp_code(secret, totp_step(now()) + 1)), "signed in");
  EXPECT_EQ(type(codes[3]), "signed in");
  EXPECT_EQ(type(codes[3]), "urn:yizhan:problem:wrong_code") << "a recovery code is good once";
  EXPECT_EQ(browser.get("/api/v1/account/second-factor").json(), json({{"enabled", true}, {"recovery_codes_left", 9}}));
  EXPECT_EQ(prove(browser, "/api/v1/account/second-factor").status, 409) << "disable it first";

  const std::string audit = control_.get("/api/v1/audit").body;
  for (const std::string& shown : {begun.json()["secret"].get<std::string>(), codes[0].get<std::string>()}) {
    EXPECT_EQ(audit.find(shown), std::string::npos);
  }
  EXPECT_EQ(prove(browser, "/api/v1/account/second-factor/disable").status, 204);
  EXPECT_EQ(type(""), "signed in");
}

TEST_F(Account, AnAdministratorTakesALostSecondFactorAway) {
  Browser browser = ann();
  const std::string secret = from_base32(prove(browser, "/api/v1/account/second-factor").json()["secret"]);
  const json code = {{"code", totp_code(secret, totp_step(now()))}};
  ASSERT_EQ(browser.post("/api/v1/account/second-factor/confirm", code).status, 200);
  const json user = control_.get("/api/v1/users?email=ann@op.com").json()["items"][0];
  EXPECT_TRUE(user["second_factor"]);
  const std::string path = "/api/v1/users/" + std::to_string(user["id"].get<std::uint64_t>()) + "/second-factor";
  EXPECT_EQ(control_.call("DELETE", path).status, 204);
  EXPECT_EQ(Browser(control_).sign_in("ann@op.com", "chosen by the user").status, 201);
}

TEST_F(Account, TheAuditIsVerifiedOverTheApi) {
  ann();
  const json verdict = control_.get("/api/v1/audit/verify").json();
  EXPECT_TRUE(verdict["intact"]) << verdict;
  EXPECT_GE(verdict["entries"].get<int>(), 4);
  EXPECT_EQ(control_.get("/api/v1/audit?limit=1").json()["items"][0]["hash"], verdict["head"]);
  const json logins = control_.get("/api/v1/audit?kind=user&actor=system").json()["items"];
  EXPECT_EQ(logins.size(), 1U) << "the first administrator: " << logins;
}

TEST_F(Account, NoSecretIsStoredOpen) {
  Browser browser = ann();
  const std::string secret = prove(browser, "/api/v1/account/second-factor").json()["secret"];
  control_.make_world(0);
  control_.stop();
  const auto file = control_.folder() / "state" / "control.db";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "reads control's own SQLite file: run it without YZ_TEST_MARIADB";
  const auto bytes = read_file(file);
  ASSERT_TRUE(bytes);
  for (const std::string& text : {from_base32(secret), to_base64url(from_base32(secret)), control_.admin_password()}) {
    EXPECT_EQ(bytes->find(text), std::string::npos);
  }
  EXPECT_NE(bytes->find("s1."), std::string::npos);
}

}  // namespace
}  // namespace yz::control
