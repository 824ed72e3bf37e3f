#include "acme/client.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "acme/certificate_request.h"
#include "acme/fake_authority_for_test.h"

namespace yz::acme {
namespace {

using test::FakeAuthority;

class ClientTest : public testing::Test {
 protected:
  ManualClock clock_;
  FakeAuthority authority_{clock_};
  std::unique_ptr<Transport> way_ = authority_.connect();

  Client open(const std::string& account = {}) {
    auto client = Client::open(*way_, clock_, authority_.directory(), key_, account);
    EXPECT_TRUE(client) << client.error().message;
    return *std::move(client);
  }
  Client registered() {
    Client client = open();
    EXPECT_TRUE(client.register_account({"ops@a.com"}, std::nullopt));
    return client;
  }
  /// From an order to its chain.
  std::string issue(Client& client, const std::vector<std::string>& names, std::string_view type = "http-01") {
    auto order = client.new_order(names);
    EXPECT_TRUE(order) << order.error().message;
    for (const std::string& url : order->authorizations) {
      const auto authorization = client.authorization(url);
      EXPECT_TRUE(client.answer(*authorization->find(type)));
    }
    order = client.order(order->url);
    EXPECT_EQ(order->status, OrderStatus::kReady);
    const auto key = make_certificate_key(CertificateKeyKind::kEcdsaP256);
    auto done = client.finalize(*order, *make_certificate_request(*key, names));
    EXPECT_TRUE(done) << done.error().message;
    done = client.order(order->url);
    EXPECT_EQ(done->status, OrderStatus::kValid);
    return *client.download(done->certificate);
  }
  AccountKey key_ = *AccountKey::generate();
};

TEST_F(ClientTest, GetsACertificateForTheNamesItOrdered) {
  Client client = registered();
  const std::string chain = issue(client, {"www.a.com", "a.com"});
  const auto leaf = read_leaf(chain);
  ASSERT_TRUE(leaf);
  EXPECT_EQ(leaf->issuer, "Fake Intermediate");
  EXPECT_EQ(leaf->root, "Fake Root");
  EXPECT_EQ(leaf->not_after, clock_.wall() + std::chrono::hours(24 * 90));
}

TEST_F(ClientTest, AnAccountIsFoundAgainByItsKey) {
  const std::string first = registered().account_url();
  EXPECT_EQ(registered().account_url(), first);
  EXPECT_EQ(authority_.accounts(), 1);
  Client by_url = open(first);
  EXPECT_TRUE(by_url.new_order({"a.com"}));
}

TEST_F(ClientTest, ARefusedNonceIsReplaced) {
  Client client = registered();
  authority_.set([](auto& b) { b.refuse_nonces = 5; });
  EXPECT_TRUE(client.new_order({"a.com"}));
  authority_.set([](auto& b) { b.refuse_nonces = 1000; });
  const auto refused = client.new_order({"a.com"});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(client.refusal()->type, "badNonce");
}

TEST_F(ClientTest, ABindingOpensAccountsWhereTheyNeedOne) {
  authority_.set([](auto& b) { b.needs_external_account = true; });
  Client client = open();
  EXPECT_EQ(client.register_account({}, std::nullopt).error().fault, Fault::kClient);
  const auto wrong = client.register_account({}, ExternalAccount{"kid-1", "another secret"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kPermission);
  EXPECT_TRUE(client.register_account({}, ExternalAccount{"kid-1", "secret of kid-1"}));
}

TEST_F(ClientTest, ALimitSaysWhenToComeBack) {
  Client client = registered();
  authority_.set([](auto& b) { b.rate_limited = 600; });
  const auto refused = client.new_order({"a.com"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(client.refusal()->retry_after, std::chrono::seconds(600));
}

TEST_F(ClientTest, ABlockedNameIsRefusedForGood) {
  Client client = registered();
  authority_.set([](auto& b) { b.blocked.insert("bad.com"); });
  const auto refused = client.new_order({"bad.com"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_NE(refused.error().message.find("rejectedIdentifier: bad.com is blocked"), std::string::npos);
}

TEST_F(ClientTest, AnAuthorityInTroubleIsWorthAnotherTry) {
  Client client = registered();
  authority_.set([](auto& b) { b.fail_requests = 1; });
  EXPECT_TRUE(client.new_order({"a.com"}).error().retryable);
  authority_.set([](auto& b) { b.is_down = true; });
  EXPECT_TRUE(client.new_order({"a.com"}).error().retryable);
  EXPECT_FALSE(client.refusal());
}

TEST_F(ClientTest, AChallengeThatIsNotMetSaysSo) {
  Client client = registered();
  std::string expected;
  authority_.set_validator([&](const FakeAuthority::Check& check) {
    expected = check.authorization;
    return false;
  });
  const auto order = client.new_order({"a.com"});
  auto authorization = client.authorization(order->authorizations.at(0));
  const OfferedChallenge offered = *authorization->find("http-01");
  ASSERT_TRUE(client.answer(offered));
  EXPECT_EQ(expected, key_authorization(offered.token, key_));
  authorization = client.authorization(order->authorizations.at(0));
  EXPECT_EQ(authorization->status, AuthorizationStatus::kInvalid);
  EXPECT_EQ(authorization->problem()->type, "incorrectResponse");
  EXPECT_EQ(client.order(order->url)->status, OrderStatus::kInvalid);
}

TEST_F(ClientTest, ChoosesTheChainWithThePreferredRoot) {
  Client client = registered();
  (void)issue(client, {"a.com"});
  const std::string url = "https://ca.test/certificate/0";
  EXPECT_EQ(read_leaf(*client.download(url, "Other Root"))->root, "Other Root");
  EXPECT_EQ(read_leaf(*client.download(url, "No Such Root"))->root, "Fake Root");
}

TEST_F(ClientTest, RevokingTwiceIsRevokingOnce) {
  Client client = registered();
  const auto leaf = read_leaf(issue(client, {"*.a.com"}, "dns-01"));
  EXPECT_TRUE(client.revoke(leaf->der, 4));
  EXPECT_TRUE(client.revoke(leaf->der, 4));
  EXPECT_EQ(authority_.revoked(), 1);
}

TEST_F(ClientTest, RenewalInformationIsAskedByTheCertificatesId) {
  Client client = registered();
  const auto leaf = read_leaf(issue(client, {"a.com"}));
  ASSERT_EQ(std::ranges::count(leaf->ari_id, '.'), 1);
  const auto info = client.renewal_info(leaf->ari_id);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->start, clock_.wall() + std::chrono::hours(24 * 60));
  EXPECT_EQ(info->ask_again, std::chrono::seconds(3600));
  ASSERT_TRUE(client.new_order({"a.com"}, leaf->ari_id));
  EXPECT_EQ(authority_.replaced(), std::vector<std::string>{leaf->ari_id});

  authority_.set([](auto& b) { b.offers_renewal_info = false; });
  Client other = open(client.account_url());
  EXPECT_EQ(other.renewal_info(leaf->ari_id).error().code, Code::kUnsupported);
  ASSERT_TRUE(other.new_order({"a.com"}, leaf->ari_id));
  EXPECT_EQ(authority_.replaced().size(), 1U);
}

TEST_F(ClientTest, TheAccountsKeyCanBeChanged) {
  Client client = registered();
  const AccountKey next = *AccountKey::generate();
  ASSERT_TRUE(client.change_key(next));
  EXPECT_TRUE(client.new_order({"a.com"}));
  EXPECT_FALSE(open(client.account_url()).new_order({"a.com"}));  // with the old key
}

TEST_F(ClientTest, ADeactivatedAccountOrdersNothing) {
  Client client = registered();
  ASSERT_TRUE(client.deactivate_account());
  EXPECT_EQ(client.new_order({"a.com"}).error().code, Code::kPermission);
}

}  // namespace
}  // namespace yz::acme
