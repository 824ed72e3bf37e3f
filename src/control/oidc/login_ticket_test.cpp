#include "control/oidc/login_ticket.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace yz::control {
namespace {

store::Sealer sealer(char key) { return store::Sealer(std::string(store::Sealer::kKeyBytes, key)); }

LoginTicket ticket() {
  return {.secrets = oidc::Secrets::make(),
          .return_to = "/operator/nodes?state=up",
          .expires = WallTime(std::chrono::seconds(1'700'000'000)),
          .old_user = 3,
          .old_session = 7};
}

TEST(LoginTickets, ComeBackAsTheyWere) {
  const LoginTicket made = ticket();
  const auto opened = LoginTicket::open(sealer('k'), made.seal(sealer('k')));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->secrets.state, made.secrets.state);
  EXPECT_EQ(opened->secrets.nonce, made.secrets.nonce);
  EXPECT_EQ(opened->secrets.verifier, made.secrets.verifier);
  EXPECT_EQ(opened->return_to, made.return_to);
  EXPECT_EQ(opened->expires, made.expires);
  EXPECT_EQ(opened->old_user, 3U);
  EXPECT_EQ(opened->old_session, 7U);
}

TEST(LoginTickets, ShowNothingAndCannotBeMadeOrChanged) {
  const LoginTicket made = ticket();
  const std::string sealed = made.seal(sealer('k'));
  EXPECT_EQ(sealed.find(made.secrets.state), std::string::npos);
  EXPECT_FALSE(LoginTicket::open(sealer('x'), sealed));
  EXPECT_FALSE(LoginTicket::open(sealer('k'), sealer('k').seal("totp 1", "{}")));
  EXPECT_FALSE(LoginTicket::open(sealer('k'), sealer('k').seal("oidc login", "{}")));
  EXPECT_FALSE(LoginTicket::open(sealer('k'), to_base64url(R"({"s":"a","n":"b","v":"c"})"))) << "stored open";
  EXPECT_FALSE(LoginTicket::open(sealer('k'), ""));
  EXPECT_FALSE(LoginTicket::open(sealer('k'), "s1." + std::string(5'000, 'A')));
  std::string changed = sealed;
  changed[40] = changed[40] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(LoginTicket::open(sealer('k'), changed));
}

TEST(LoginTickets, AreOfTheLoginRoutesAndOfNoScript) {
  const std::string cookie = ticket_cookie("s1.x", true);
  EXPECT_EQ(cookie, "yz_oidc=s1.x; Path=/api/v1/oidc; HttpOnly; SameSite=Lax; Max-Age=600; Secure");
  EXPECT_NE(ticket_cookie("", false).find("Max-Age=0"), std::string::npos);
}

TEST(ReturnPaths, AreInOneOfThePortals) {
  for (const char* path : {"/operator/", "/portal/", "/portal/domains/3?tab=cache&x=a%2Fb", "/operator/nodes"}) {
    EXPECT_EQ(own_path(path), path);
  }
  for (const char* path : {"", "/", "//evil.test", "/\\evil.test", "https://evil.test/portal/", "/portal", "/portalx/",
                           "/portal//evil.test", "/portal/\\evil", "/portal/../api/v1/users", "/api/v1/session",
                           "/operator/\r\nSet-Cookie: a=b", "/operator/ x", "/portal/#x", "/portal/\"><script>",
                           "/portal/\xe4", "javascript:alert(1)", "portal/"}) {
    EXPECT_EQ(own_path(path), "/portal/") << path;
  }
  EXPECT_EQ(own_path("/portal/" + std::string(2'000, 'a')), "/portal/");
  EXPECT_EQ(portal_of("/operator/nodes"), "/operator/");
  EXPECT_EQ(portal_of("/portal/domains"), "/portal/");
  EXPECT_EQ(portal_of(""), "/portal/");
}

}  // namespace
}  // namespace yz::control
