#include "acme/account_key.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"

namespace yz::acme {
namespace {

// The key of RFC 7515 appendix A.3, as PKCS#8.
constexpr std::string_view kRfcKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

TEST(AccountKey, IsAJwkWithTheCoordinatesOfRfc7515A3) {
  const auto key = AccountKey::from_pem(kRfcKey);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->jwk(), R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                        R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  EXPECT_EQ(key->thumbprint(), to_base64url(sha256(key->jwk())));
}

TEST(AccountKey, SurvivesPem) {
  const auto key = AccountKey::generate();
  ASSERT_TRUE(key);
  const auto again = AccountKey::from_pem(*key->to_pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->thumbprint(), key->thumbprint());
}

TEST(AccountKey, RefusesWhatIsNoP256Key) {
  EXPECT_FALSE(AccountKey::from_pem("nothing"));
  EXPECT_FALSE(
      AccountKey::from_pem("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                           "AAAAAAAA\n-----END PRIVATE KEY-----\n"));
}

TEST(AccountKey, SignsWith64BytesEachTime) {
  const auto key = AccountKey::generate();
  ASSERT_TRUE(key);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(key->sign(std::to_string(i))->size(), 64U);  // short r and s are padded
}

TEST(MacJws, IsTheOneOfRfc7515A1) {
  const auto mac =
      from_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const auto jws = nlohmann::json::parse(mac_jws(*mac, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
                                                 "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                                 "\"http://example.com/is_root\":true}"));
  EXPECT_EQ(jws["signature"], "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST(KeyAuthorization, IsTokenAndThumbprintAndItsHashForDns) {
  const auto key = AccountKey::from_pem(kRfcKey);
  ASSERT_TRUE(key);
  const std::string text = key_authorization("abc", *key);
  EXPECT_EQ(text, "abc." + key->thumbprint());
  EXPECT_EQ(dns_value(text).size(), 43U);
}

}  // namespace
}  // namespace yz::acme
