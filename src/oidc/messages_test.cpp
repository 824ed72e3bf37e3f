#include "oidc/messages.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::oidc {
namespace {

using nlohmann::json;

json metadata() {
  return {{"issuer", "https://id.test/realms/a"},
          {"authorization_endpoint", "https://id.test/auth"},
          {"token_endpoint", "https://id.test/token"},
          {"jwks_uri", "https://id.test/keys"}};
}

TEST(Metadata, NamesTheEndpoints) {
  json document = metadata();
  const auto plain = read_metadata(document.dump(), "https://id.test/realms/a");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->token_endpoint, "https://id.test/token");
  EXPECT_FALSE(plain->names_issuer);
  EXPECT_TRUE(plain->takes_basic_auth);
  document["authorization_response_iss_parameter_supported"] = true;
  document["token_endpoint_auth_methods_supported"] = {"private_key_jwt", "client_secret_post"};
  const auto other = read_metadata(document.dump(), "https://id.test/realms/a");
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->names_issuer);
  EXPECT_FALSE(other->takes_basic_auth);
}

TEST(Metadata, OfAnotherIssuerOrWithoutHttpsIsRefused) {
  EXPECT_FALSE(read_metadata(metadata().dump(), "https://id.test/realms/b"));
  EXPECT_FALSE(read_metadata(metadata().dump(), "https://id.test/realms/a/"));
  EXPECT_FALSE(read_metadata("<html>", "https://id.test/realms/a"));
  for (const char* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
    for (const char* url : {"", "http://id.test/x", "http://127.0.0.1/x", "javascript:alert(1)", "https://", "//x",
                            "https://a b/", "https://u@id.test/", "https://id.test/#x", "file:///etc/passwd"}) {
      json document = metadata();
      document[name] = url;
      EXPECT_FALSE(read_metadata(document.dump(), "https://id.test/realms/a")) << name << ' ' << url;
    }
    json document = metadata();
    document.erase(name);
    EXPECT_FALSE(read_metadata(document.dump(), "https://id.test/realms/a")) << name;
  }
}

TEST(ProviderUrls, AreHttpsOrOfThisMachine) {
  for (const char* url : {"https://id.test", "https://id.test:8443/realms/a?x=1", "http://127.0.0.1:3000",
                          "http://localhost:3000/a", "http://[::1]:3000", "http://127.8.8.8"}) {
    EXPECT_TRUE(is_provider_url(url)) << url;
  }
  for (const char* url : {"", "https:", "https://", "http://id.test", "http://127.0.0.1.id.test", "http://localhost.a",
                          "http://localhost:80@id.test", "http://127.0.0.1@id.test", "http://[::1", "http://10.0.0.1",
                          "ftp://id.test", "https://id.test/\n", "https://id.test/\\x", "HTTPS//id.test"}) {
    EXPECT_FALSE(is_provider_url(url)) << url;
  }
}

TEST(TokenAnswers, HaveAnIdToken) {
  EXPECT_EQ(read_token_answer(R"({"id_token":"a.b.c"})")->id_token, "a.b.c");
  EXPECT_EQ(read_token_answer(R"({"id_token":"a","access_token":"x/y"})")->access_token, "x/y");
  EXPECT_EQ(read_token_answer(R"({"id_token":"a","access_token":"x\r\nHost: y"})")->access_token, "");
  for (const char* text : {"", "{}", "[]", R"({"id_token":1})", R"({"id_token":""})", R"({"access_token":"x"})"}) {
    EXPECT_FALSE(read_token_answer(text)) << text;
  }
  EXPECT_FALSE(read_token_answer(json{{"id_token", std::string(20'000, 'a')}}.dump()));
}

TEST(Refusals, AreLoggedInTheirRegisteredFormOnly) {
  EXPECT_EQ(read_refusal(R"({"error":"invalid_grant","error_description":"secret"})"), "invalid_grant");
  for (const char* text : {"", "<html>", "[]", R"({"error":"a\nb"})", R"({"error":1})"}) {
    EXPECT_EQ(read_refusal(text), "unknown") << text;
  }
  EXPECT_EQ(plain_error(std::string(65, 'a')), "unknown");
}

}  // namespace
}  // namespace yz::oidc
