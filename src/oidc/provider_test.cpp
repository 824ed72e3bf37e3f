#include "oidc/provider.h"

#include <gtest/gtest.h>

#include "oidc/fake_provider_for_test.h"

namespace yz::oidc {
namespace {

using nlohmann::json;
using test::FakeProvider;

class Providers : public testing::Test {
 protected:
  Providers() { make({}); }
  void make(Provider::Options options) {
    options.issuer = fake_.issuer();
    options.client_id = "yizhan";
    if (options.client_secret.empty()) options.client_secret = "open sesame & more";
    options.redirect_uri = "https://console.test/api/v1/oidc/callback";
    provider_ = std::make_unique<Provider>(std::move(options), clock_, is_stopping_);
  }
  /// A whole login, but for the browser.
  Result<IdToken> log_in(const json& claims = {{"email", "ann@a.com"}}) {
    const Secrets secrets = Secrets::make();
    const auto url = provider_->authorization_url(secrets);
    if (!url) return fail(url.error());
    return redeem(fake_.authorize(*url, claims), secrets);
  }
  Result<IdToken> redeem(const std::string& query, const Secrets& secrets) {
    const auto parameters = test::parameters_of(query);
    EXPECT_TRUE(parameters.contains("code")) << "the provider has refused the request";
    Redirected redirected{parameters.contains("code") ? parameters.at("code") : "", std::nullopt};
    if (parameters.contains("iss")) redirected.issuer = parameters.at("iss");
    return provider_->redeem(redirected, secrets);
  }
  static Code code_of(const Result<IdToken>& answer) { return answer ? Code::kInternal : answer.error().code; }

  ManualClock clock_;
  FakeProvider fake_{clock_};
  std::shared_ptr<std::atomic<bool>> is_stopping_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Provider> provider_;
};

TEST_F(Providers, SayWhomACodeStandsFor) {
  const auto person = log_in();
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->subject, "subject 1");
  EXPECT_EQ(person->email, "ann@a.com");
  fake_.set([](auto& how) { how.is_p256 = true; });
  EXPECT_TRUE(log_in());
  EXPECT_EQ(fake_.reads_of_metadata(), 1) << "kept";
  EXPECT_EQ(fake_.reads_of_keys(), 1) << "kept";
}

TEST_F(Providers, MayTellTheAddressForTheAccessTokenAlone) {
  fake_.set([](auto& how) { how.tells_at_userinfo = true; });
  const auto person = log_in();
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->email, "ann@a.com");
  EXPECT_TRUE(person->email_verified);
  EXPECT_FALSE(log_in({{"email", "ann@a.com"}, {"email_verified", false}})->email_verified);
  // What it tells of somebody else is not taken (Core §5.3.2).
  fake_.set([](auto& how) { how.edit = [](json&, json& claims) { claims["sub"] = "subject 2"; }; });
  EXPECT_EQ(code_of(log_in()), Code::kPermission);
}

TEST_F(Providers, AreAskedAgainAfterAnHour) {
  ASSERT_TRUE(log_in());
  clock_.advance(std::chrono::minutes(61));
  ASSERT_TRUE(log_in());
  EXPECT_EQ(fake_.reads_of_metadata(), 2);
  EXPECT_EQ(fake_.reads_of_keys(), 2);
}

TEST_F(Providers, GetTheSecretInTheBodyWhenTheyWantIt) {
  fake_.set([](auto& how) { how.takes_basic_auth = false; });
  EXPECT_TRUE(log_in());
}

TEST_F(Providers, ThatDoNotKnowUsRefuseTheCode) {
  Provider::Options options;
  options.client_secret = "wrong";
  make(std::move(options));
  EXPECT_EQ(code_of(log_in()), Code::kUnauthenticated);
}

TEST_F(Providers, GiveACodeOnce) {
  const Secrets secrets = Secrets::make();
  const std::string query = fake_.authorize(*provider_->authorization_url(secrets), json::object());
  EXPECT_TRUE(redeem(query, secrets));
  EXPECT_EQ(code_of(redeem(query, secrets)), Code::kUnauthenticated);
}

TEST_F(Providers, GiveNothingForACodeOfAnotherLogin) {
  const Secrets mine = Secrets::make();
  const Secrets others = Secrets::make();
  const std::string stolen = fake_.authorize(*provider_->authorization_url(others), json::object());
  EXPECT_EQ(code_of(redeem(stolen, mine)), Code::kUnauthenticated) << "PKCE";
}

TEST_F(Providers, ThatShowNewKeysAreReadAgainOnceAMinuteAtMost) {
  ASSERT_TRUE(log_in());
  fake_.change_keys();
  EXPECT_EQ(code_of(log_in()), Code::kNotFound) << "they were read just now";
  EXPECT_EQ(fake_.reads_of_keys(), 1);
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(log_in());
  EXPECT_EQ(fake_.reads_of_keys(), 2);
  fake_.set([](auto& how) { how.edit = [](json& header, json&) { header["kid"] = "nobody's"; }; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(code_of(log_in()), Code::kNotFound);
  EXPECT_EQ(fake_.reads_of_keys(), 2);
}

TEST_F(Providers, WhoseAnswerIsOfAnotherIssuerAreNotSentTheCode) {
  const Secrets secrets = Secrets::make();
  const auto url = provider_->authorization_url(secrets);
  ASSERT_TRUE(url);
  const std::string query = fake_.authorize(*url, json::object());
  const std::string code = test::parameters_of(query).at("code");
  EXPECT_EQ(code_of(provider_->redeem({code, "https://evil.test"}, secrets)), Code::kPermission);
  EXPECT_EQ(code_of(provider_->redeem({code, std::nullopt}, secrets)), Code::kPermission) << "it always says it";
  EXPECT_EQ(code_of(provider_->redeem({code, ""}, secrets)), Code::kPermission);
  EXPECT_EQ(fake_.exchanges(), 0);
  EXPECT_TRUE(provider_->redeem({code, fake_.issuer()}, secrets));
}

TEST_F(Providers, ThatAreDownSlowOrBrokenEndTheLoginInTime) {
  Provider::Options options;
  options.timeout = std::chrono::milliseconds(200);
  make(std::move(options));
  fake_.set([](auto& how) { how.is_down = true; });
  EXPECT_EQ(code_of(log_in()), Code::kUnavailable);
  fake_.set([](auto& how) { how = {.delay = std::chrono::milliseconds(1'000)}; });
  EXPECT_EQ(code_of(log_in()), Code::kTimeout);
  fake_.set([](auto& how) { how = {.rubbish = "<html>"}; });
  EXPECT_EQ(code_of(log_in()), Code::kCorrupt);
  fake_.set([](auto& how) { how = {.rubbish = std::string(300 << 10, '[')}; });
  EXPECT_EQ(code_of(log_in()), Code::kLimit);
  fake_.set([](auto& how) { how = {.metadata_issuer = "https://evil.test"}; });
  EXPECT_EQ(code_of(log_in()), Code::kCorrupt);
  fake_.set([](auto& how) { how = {}; });
  EXPECT_TRUE(log_in());
}

TEST_F(Providers, AreLeftWhenControlStops) {
  fake_.set([](auto& how) { how.delay = std::chrono::seconds(20); });
  *is_stopping_ = true;
  EXPECT_FALSE(log_in());
}

}  // namespace
}  // namespace yz::oidc
