#include "edge/transaction/caching_decision.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::edge {
namespace {

using http::HeaderMap;
using http::Profile;
using http::Storability;
using model::CacheAction;
using model::CacheRule;
using std::chrono::seconds;

const WallTime kNow{seconds(1'700'000'000)};

CachingDecision decide(Profile profile, const CacheRule* rule, std::string_view path, http::StatusCode status,
                       const HeaderMap& response, const HeaderMap& request = {}) {
  Site site;
  site.profile = profile;
  Arrival arrival;
  arrival.path = path;
  arrival.status = status;
  arrival.request = request;
  arrival.response = response;
  arrival.asked_at = arrival.now = kNow;
  return decide_caching(site, rule, arrival);
}

CacheRule rule_of(CacheAction action, seconds ttl) {
  CacheRule rule;
  rule.action = action;
  rule.ttl = ttl;
  return rule;
}

TEST(CachingDecision, ARuleGivesOrOverridesALifetime) {
  const CacheRule fallback = rule_of(CacheAction::kHonourOrigin, seconds(100));
  const CacheRule force = rule_of(CacheAction::kTtl, seconds(100));
  for (const auto profile : {Profile::kRfc, Profile::kSafe}) {
    EXPECT_EQ(decide(profile, &fallback, "/a", 200, {}).policy.lifetime, seconds(100));
    EXPECT_EQ(decide(profile, &fallback, "/a", 200, {{"Cache-Control", "max-age=5"}}).policy.lifetime, seconds(5));
    EXPECT_EQ(decide(profile, &force, "/a", 200, {{"Cache-Control", "s-maxage=5"}}).policy.lifetime, seconds(100));
    EXPECT_EQ(decide(profile, &force, "/a", 200, {{"Cache-Control", "no-store"}}).verdict, Storability::kNoStore);
    EXPECT_EQ(decide(profile, &force, "/a", 200, {{"Cache-Control", "private"}}).verdict, Storability::kPrivate);
    EXPECT_EQ(decide(profile, nullptr, "/a", 200, {}).verdict, Storability::kNoFreshness);
  }
}

TEST(CachingDecision, UnderTheSafeProfileAnErrorLivesShortlyUnlessItsOriginSaysOtherwise) {
  const CacheRule month = rule_of(CacheAction::kHonourOrigin, seconds(2'592'000));
  EXPECT_EQ(decide(Profile::kRfc, &month, "/a", 404, {}).policy.lifetime, month.ttl);
  EXPECT_EQ(decide(Profile::kSafe, &month, "/a", 404, {}).policy.lifetime, kNegativeLifetime);
  const HeaderMap old{{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  EXPECT_EQ(decide(Profile::kSafe, nullptr, "/a", 404, old).policy.lifetime, kNegativeLifetime);
  EXPECT_EQ(decide(Profile::kSafe, &month, "/a", 404, {{"Cache-Control", "max-age=300"}}).policy.lifetime,
            seconds(300));
  // The rule is for the resource; 5xx never gets its time, whatever the profile.
  EXPECT_EQ(decide(Profile::kRfc, &month, "/a", 503, {}).verdict, Storability::kNoFreshness);
  const CacheRule force = rule_of(CacheAction::kTtl, seconds(100));
  EXPECT_EQ(decide(Profile::kSafe, &force, "/a", 500, {}).verdict, Storability::kNoFreshness);
  EXPECT_EQ(decide(Profile::kSafe, &month, "/a", 400, {{"Cache-Control", "max-age=300"}}).verdict,
            Storability::kClientError);
}

TEST(CachingDecision, CookiesNeverEnterTheSharedStoreOfTheSafeProfile) {
  const HeaderMap cookie{{"Set-Cookie", "session=1"}, {"Cache-Control", "public, max-age=60"}};
  EXPECT_EQ(decide(Profile::kRfc, nullptr, "/a", 200, cookie).verdict, Storability::kStore);
  EXPECT_FALSE(decide(Profile::kRfc, nullptr, "/a", 200, cookie).strips_cookies);
  EXPECT_EQ(decide(Profile::kSafe, nullptr, "/a", 200, cookie).verdict, Storability::kSetCookie);
  const CacheRule fallback = rule_of(CacheAction::kHonourOrigin, seconds(100));
  EXPECT_EQ(decide(Profile::kSafe, &fallback, "/a", 200, cookie).verdict, Storability::kSetCookie);
  // Where the operator forces a lifetime the content is shared, so the cookie goes.
  const CacheRule force = rule_of(CacheAction::kTtl, seconds(100));
  const CachingDecision forced = decide(Profile::kSafe, &force, "/a", 200, cookie);
  EXPECT_EQ(forced.verdict, Storability::kStore);
  EXPECT_TRUE(forced.strips_cookies);
}

TEST(CachingDecision, APageUnderTheNameOfAFileIsNotCachedByRuleOrGuess) {
  const CacheRule force = rule_of(CacheAction::kTtl, seconds(100));
  const HeaderMap page{{"Content-Type", "text/html"}};
  EXPECT_EQ(decide(Profile::kSafe, &force, "/account/x.css", 200, page).verdict, Storability::kContentType);
  EXPECT_EQ(decide(Profile::kRfc, &force, "/account/x.css", 200, page).verdict, Storability::kStore);
  EXPECT_EQ(decide(Profile::kSafe, &force, "/account/x.html", 200, page).verdict, Storability::kStore);
  const HeaderMap guessed{{"Content-Type", "text/html"}, {"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}};
  EXPECT_EQ(decide(Profile::kSafe, nullptr, "/account/x.css", 200, guessed).verdict, Storability::kContentType);
  // What the origin itself calls cacheable is.
  const HeaderMap meant{{"Content-Type", "text/html"}, {"Cache-Control", "max-age=5"}};
  EXPECT_EQ(decide(Profile::kSafe, &force, "/account/x.css", 200, meant).policy.lifetime, seconds(5));
}

}  // namespace
}  // namespace yz::edge
