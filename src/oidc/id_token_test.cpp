#include "oidc/id_token.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/text.h"
#include "oidc/fake_provider_for_test.h"

namespace yz::oidc {
namespace {

using nlohmann::json;
using test::SigningKey;

constexpr std::int64_t kNow = 1'700'000'000;
const WallTime kAt{std::chrono::seconds(kNow)};

class IdTokens : public testing::Test {
 protected:
  static json claims() {
    return {{"iss", "https://id.test"}, {"aud", "yizhan"},  {"sub", "248289761001"}, {"nonce", "n-0S6_WzA2Mj"},
            {"iat", kNow - 1},          {"exp", kNow + 60}, {"email", "ann@a.com"},  {"email_verified", true}};
  }
  static json with(const char* name, const json& value) {
    json out = claims();
    out[name] = value;
    return out;
  }
  static json without(const char* name) {
    json out = claims();
    out.erase(name);
    return out;
  }
  [[nodiscard]] json header() const { return {{"alg", "RS256"}, {"kid", rsa_.id()}}; }
  static Expectation expected() { return {"https://id.test", "yizhan", "n-0S6_WzA2Mj"}; }
  [[nodiscard]] std::string key_set() const { return json{{"keys", {rsa_.jwk(), p256_.jwk()}}}.dump(); }
  [[nodiscard]] Result<IdToken> judge(const std::string& token) const {
    return verify(token, *KeySet::read(key_set()), expected(), kAt);
  }
  [[nodiscard]] Result<IdToken> judge_claims(const json& claims) const { return judge(rsa_.sign(header(), claims)); }

  const SigningKey rsa_{SigningKey::Kind::kRsa, "rsa-1"};
  const SigningKey p256_{SigningKey::Kind::kP256, "p256-1"};
};

TEST_F(IdTokens, SayWhoItIsWhenTheyAreSignedByOneOfTheKeys) {
  const auto rsa = judge(rsa_.sign(header(), claims()));
  ASSERT_TRUE(rsa) << rsa.error().message;
  EXPECT_EQ(rsa->subject, "248289761001");
  EXPECT_EQ(rsa->email, "ann@a.com");
  EXPECT_TRUE(rsa->email_verified);
  const auto p256 = judge(p256_.sign({{"alg", "ES256"}, {"kid", p256_.id()}, {"typ", "jwt"}}, claims()));
  ASSERT_TRUE(p256) << p256.error().message;
  EXPECT_TRUE(judge(p256_.sign({{"alg", "ES256"}}, claims()))) << "a key that is not named is looked for by its kind";
}

TEST_F(IdTokens, ThatAreForgedAreRefused) {
  const std::string good = rsa_.sign(header(), claims());
  const std::size_t body = good.find('.');
  const std::size_t signature = good.rfind('.');
  const std::string signed_part = good.substr(0, signature);
  const SigningKey other(SigningKey::Kind::kRsa, "rsa-2");
  const json none = {{"alg", "none"}};
  const json hmac = {{"alg", "HS256"}, {"kid", rsa_.id()}};
  const std::string by_hmac = test::unsigned_token(hmac, claims());
  std::string changed = good;
  changed[signature + 20] = changed[signature + 20] == 'A' ? 'B' : 'A';
  std::string trailing = good;
  trailing.back() = '!';
  const std::pair<const char*, std::string> cases[] = {
      {"another key under the same name", other.sign(header(), claims())},
      {"a body that was put in",
       good.substr(0, body + 1) + to_base64url(with("sub", "admin").dump()) + good.substr(signature)},
      {"a changed signature", changed},
      {"no signature", signed_part + '.'},
      {"two parts", signed_part},
      {"four parts", good + ".x"},
      {"five parts: encrypted", good + ".x.y"},
      {"not signed at all", test::unsigned_token(none, claims()) + '.'},
      {"none with another case", test::unsigned_token({{"alg", "NonE"}}, claims()) + ".AA"},
      {"HMAC with the public key as PEM", by_hmac + '.' + to_base64url(hmac_sha256(rsa_.public_pem(), by_hmac))},
      {"HMAC with the modulus", by_hmac + '.' + to_base64url(hmac_sha256(rsa_.jwk()["n"].get<std::string>(), by_hmac))},
      {"ES256 by an RSA key", rsa_.sign({{"alg", "ES256"}, {"kid", p256_.id()}}, claims())},
      {"RS256 by a P-256 key", p256_.sign({{"alg", "RS256"}, {"kid", rsa_.id()}}, claims())},
      {"RS512", rsa_.sign({{"alg", "RS512"}, {"kid", rsa_.id()}}, claims())},
      {"no algorithm", rsa_.sign({{"kid", rsa_.id()}}, claims())},
      {"an access token", rsa_.sign({{"alg", "RS256"}, {"kid", rsa_.id()}, {"typ", "at+jwt"}}, claims())},
      {"critical extensions", rsa_.sign({{"alg", "RS256"}, {"crit", {"b64"}}, {"b64", false}}, claims())},
      {"a key it brought itself", other.sign({{"alg", "RS256"}, {"jwk", other.jwk()}}, claims())},
      {"bad base64url", trailing},
      {"padding", signed_part + '.' + good.substr(signature + 1) + "=="},
      {"no JSON", to_base64url("x") + '.' + to_base64url("y") + ".AA"},
      {"a list for a header", to_base64url("[]") + '.' + to_base64url("{}") + ".AA"},
      {"zero for r and s",
       test::unsigned_token({{"alg", "ES256"}}, claims()) + '.' + to_base64url(std::string(64, '\0'))},
      {"huge", std::string(1 << 20, 'A')},
      {"huge with dots", std::string(1 << 20, '.')},
      {"empty", ""},
  };
  ASSERT_TRUE(judge(good));
  for (const auto& [what, token] : cases) {
    const auto answer = judge(token);
    ASSERT_FALSE(answer) << what;
    EXPECT_EQ(answer.error().code, Code::kPermission) << what << ": " << answer.error().message;
    EXPECT_EQ(answer.error().fault, Fault::kOrigin);
  }
}

TEST_F(IdTokens, OfAnUnknownKeyAreToldApart) {
  const auto answer = judge(rsa_.sign({{"alg", "RS256"}, {"kid", "rsa-9"}}, claims()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kNotFound);
}

TEST_F(IdTokens, ThatWereNotMadeForThisLoginAreRefused) {
  const std::pair<const char*, json> cases[] = {
      {"another issuer", with("iss", "https://id.test/")},
      {"no issuer", without("iss")},
      {"another client", with("aud", "other")},
      {"other clients", with("aud", {"a", "b"})},
      {"nobody", with("aud", json::array())},
      {"no audience", without("aud")},
      {"an audience that is no text", with("aud", {{"yizhan", true}})},
      {"others as well, and not given to us", with("aud", {"yizhan", "b"})},
      {"given to somebody else", with("azp", "other")},
      {"given to no text", with("azp", 1)},
      {"expired", with("exp", kNow - 60)},
      {"no end", without("exp")},
      {"an end that is text", with("exp", "2100-01-01")},
      {"an end beyond all numbers", with("exp", 1e300)},
      {"a negative end", with("exp", -1)},
      {"made in the future", with("iat", kNow + 61)},
      {"no beginning", without("iat")},
      {"not yet in force", with("nbf", kNow + 61)},
      {"another nonce", with("nonce", "n-0S6_WzA2Mk")},
      {"no nonce", without("nonce")},
      {"an empty nonce", with("nonce", "")},
      {"nobody in it", without("sub")},
      {"an empty name", with("sub", "")},
      {"a number for a name", with("sub", 7)},
      {"too long a name", with("sub", std::string(256, 'a'))},
      {"a list", json::array({1})},
  };
  for (const auto& [what, claims] : cases) {
    const auto answer = judge_claims(claims);
    ASSERT_FALSE(answer) << what;
    EXPECT_EQ(answer.error().code, Code::kPermission) << what << ": " << answer.error().message;
  }
}

TEST_F(IdTokens, MayBeForOthersAsWellAndAMinuteOff) {
  json shared = with("aud", {"b", "yizhan"});
  shared["azp"] = "yizhan";
  EXPECT_TRUE(judge_claims(shared));
  EXPECT_TRUE(judge_claims(with("aud", {"yizhan"})));
  EXPECT_TRUE(judge_claims(with("exp", kNow - 59)));
  EXPECT_TRUE(judge_claims(with("exp", kNow + 0.5)));
  EXPECT_TRUE(judge_claims(with("iat", kNow + 60)));
}

TEST_F(IdTokens, HaveAVerifiedAddressOnlyWhenTheySaySo) {
  for (const json& value : {json(false), json("true"), json(1), json()}) {
    const auto answer = judge_claims(with("email_verified", value));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->email_verified) << value;
  }
  EXPECT_FALSE(judge_claims(without("email_verified"))->email_verified);
  EXPECT_EQ(judge_claims(with("email", json::array()))->email, "");
  EXPECT_EQ(judge_claims(with("email", std::string(300, 'a')))->email, "");
  Expectation other = expected();
  other.email_claim = "upn";
  EXPECT_EQ(verify(rsa_.sign(header(), with("upn", "u@a.com")), *KeySet::read(key_set()), other, kAt)->email,
            "u@a.com");
}

TEST_F(IdTokens, AreCheckedWithKeysMadeForThat) {
  const auto keys_with = [this](const char* name, const json& value) {
    json jwk = rsa_.jwk();
    jwk[name] = value;
    return json{{"keys", {jwk}}}.dump();
  };
  EXPECT_EQ(KeySet::read(json{{"keys", {rsa_.jwk(), p256_.jwk()}}}.dump())->size(), 2U);
  EXPECT_EQ(KeySet::read(keys_with("key_ops", {"verify"}))->size(), 1U);
  const std::pair<const char*, json> left_out[] = {
      {"use", "enc"},
      {"use", 1},
      {"key_ops", {"sign"}},
      {"key_ops", "verify"},
      {"alg", "RS512"},
      {"alg", "ES256"},
      {"kty", "oct"},
      {"kty", "EC"},
      {"kid", std::string(300, 'k')},
      {"n", to_base64url(std::string(128, '\x81'))},  // 1,024 bits
      {"n", to_base64url(std::string(4'096, '\x81'))},
      {"n", to_base64url(std::string(256, '\x80'))},  // even
      {"n", "!"},
      {"n", ""},
      {"e", "AQ"},  // one
      {"e", "AA"},
      {"e", to_base64url(std::string(200, '\x01'))},
  };
  for (const auto& [name, value] : left_out) {
    const auto keys = KeySet::read(keys_with(name, value));
    ASSERT_TRUE(keys) << name;
    EXPECT_EQ(keys->size(), 0U) << name << value;
  }
  json off_curve = p256_.jwk();
  off_curve["y"] = off_curve["x"];
  json other_curve = p256_.jwk();
  other_curve["crv"] = "P-384";
  EXPECT_EQ(KeySet::read(json{{"keys", {off_curve, other_curve, 1, "x", nullptr}}}.dump())->size(), 0U);
}

TEST_F(IdTokens, KeySetsThatAreNoneAreRefused) {
  json many = json::array();
  for (std::size_t i = 0; i <= KeySet::kMaxKeys; ++i) many.push_back(json::object());
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"), std::string("<html>"),
        json{{"keys", many}}.dump(), R"({"keys":[]})" + std::string(KeySet::kMaxText, ' ')}) {
    const auto keys = KeySet::read(text);
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().code, Code::kCorrupt);
  }
}

}  // namespace
}  // namespace yz::oidc
