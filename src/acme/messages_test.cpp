#include "acme/messages.h"

#include <gtest/gtest.h>

namespace yz::acme {
namespace {

using std::chrono::seconds;
constexpr WallTime kNow{seconds(784'111'777)};  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(Messages, ADirectoryNeedsItsThreeFirstUrls) {
  const auto read =
      read_directory(R"({"newNonce":"n","newAccount":"a","newOrder":"o","meta":{"externalAccountRequired":true}})");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->needs_external_account);
  EXPECT_TRUE(read->renewal_info.empty());
  for (const char* wrong : {"", "[]", "{}", R"({"newNonce":"n","newAccount":"a"})", R"({"newNonce":1})"}) {
    const auto refused = read_directory(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().fault, Fault::kOrigin);
  }
}

TEST(Messages, AnOrderSaysWhyItIsInvalid) {
  const auto order = read_order(
      R"({"status":"invalid","authorizations":["u"],"error":{"type":"urn:ietf:params:acme:error:dns",)"
      R"("detail":"no address","subproblems":[{"type":"urn:ietf:params:acme:error:caa","detail":"forbidden",)"
      R"("identifier":{"type":"dns","value":"a.com"}}]}})");
  ASSERT_TRUE(order);
  EXPECT_EQ(order->status, OrderStatus::kInvalid);
  EXPECT_EQ(order->problem->text(), "dns: no address (a.com: caa forbidden)");
  EXPECT_FALSE(read_order(R"({"status":"odd","authorizations":[]})"));
  EXPECT_FALSE(read_order(R"({"status":"ready","authorizations":[1]})"));
}

TEST(Messages, LongWordsOfAnAuthorityAreCutBetweenCharacters) {
  AcmeProblem problem;
  for (int i = 0; i < 1000; ++i) problem.detail += "驿";
  EXPECT_LE(problem.text().size(), 1000U);
  EXPECT_TRUE(problem.text().ends_with("驿"));
}

TEST(Messages, AnAuthorizationOffersChallenges) {
  const auto read = read_authorization(
      R"({"identifier":{"type":"dns","value":"A.com"},"status":"pending","wildcard":true,"challenges":[)"
      R"({"type":"dns-01","url":"u","token":"t","status":"invalid","error":{"detail":"not found"}},7]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->host, "a.com");
  EXPECT_TRUE(read->is_wildcard);
  ASSERT_NE(read->find("dns-01"), nullptr);
  EXPECT_EQ(read->find("http-01"), nullptr);
  EXPECT_EQ(read->problem()->detail, "not found");
}

TEST(Messages, ARenewalWindowRunsForward) {
  EXPECT_TRUE(
      read_renewal_info(R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00Z"}})"));
  EXPECT_FALSE(
      read_renewal_info(R"({"suggestedWindow":{"start":"2026-01-04T04:00:00Z","end":"2026-01-03T04:00:00Z"}})"));
  EXPECT_FALSE(read_renewal_info(R"({"suggestedWindow":{}})"));
}

TEST(Messages, RetryAfterIsANumberOrADateAndBounded) {
  EXPECT_EQ(read_retry_after("120", kNow), seconds(120));
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", kNow), seconds(60));
  EXPECT_EQ(read_retry_after("Sun, 06 Nov 1994 08:40:37 GMT", kNow), seconds(0));
  EXPECT_EQ(read_retry_after("99999999999", kNow), seconds(864'000));
  EXPECT_EQ(read_retry_after("soon", kNow), std::nullopt);
  EXPECT_EQ(read_retry_after("", kNow), std::nullopt);
}

TEST(Messages, LinksAreFoundByRelation) {
  const auto links =
      links_of(R"(<https://a/1>;rel="alternate", <https://a/dir>;rel="index", <b>; rel=alternate)", "alternate");
  EXPECT_EQ(links, (std::vector<std::string>{"https://a/1", "b"}));
  EXPECT_TRUE(links_of("<broken", "alternate").empty());
}

}  // namespace
}  // namespace yz::acme
