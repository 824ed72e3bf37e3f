#include "model/domain.h"

#include <gtest/gtest.h>

#include "model/place.h"

namespace yz::model {
namespace {

TEST(CanonicalHost, LowersAndDropsTheFinalDot) {
  EXPECT_EQ(*canonical_host("WWW.A.Com."), "www.a.com");
  EXPECT_EQ(*canonical_host("_dmarc.x"), "_dmarc.x");
}

TEST(CanonicalHost, RefusesWhatIsNoName) {
  for (const std::string bad :
       {"", ".", "a..b", "-a.com", "a-.com", "*.a.com", "a b", "a.com/", "1.2.3.4:80", "\xc3\xa9.fr"}) {
    EXPECT_FALSE(canonical_host(bad)) << bad;
  }
  EXPECT_FALSE(canonical_host(std::string(64, 'a') + ".com"));
  EXPECT_FALSE(
      canonical_host(std::string(250, 'a').replace(60, 1, ".").replace(120, 1, ".").replace(180, 1, ".") + ".com"));
}

TEST(CnameTarget, IsTheLabelOrTheNameBelowTheZone) {
  Domain d;
  d.name = "www.a.com";
  EXPECT_EQ(cname_target(d, "cdn.zone"), "www.a.com.cdn.zone");
  d.cname_label = "a1";
  EXPECT_EQ(cname_target(d, "cdn.zone"), "a1.cdn.zone");
}

TEST(CacheRules, HighestPriorityCountsFirstListedAmongEquals) {
  Domain d;
  d.cache_rules = {{CacheRuleMatch::kAll, "", CacheAction::kHonourOrigin, {}, 0},
                   {CacheRuleMatch::kSuffix, "jpg, png", CacheAction::kTtl, std::chrono::seconds(60), 5},
                   {CacheRuleMatch::kDirectory, "/img/", CacheAction::kNoStore, {}, 5},
                   {CacheRuleMatch::kExact, "/img/logo.png", CacheAction::kTtl, std::chrono::seconds(9), 9}};
  EXPECT_EQ(find_cache_rule(d, "/index.html"), &d.cache_rules[0]);
  EXPECT_EQ(find_cache_rule(d, "/img/a.PNG"), &d.cache_rules[1]);
  EXPECT_EQ(find_cache_rule(d, "/img/a.gif"), &d.cache_rules[2]);
  EXPECT_EQ(find_cache_rule(d, "/img/logo.png"), &d.cache_rules[3]);
  EXPECT_EQ(find_cache_rule(d, "/a.png/x"), &d.cache_rules[0]);
  d.cache_rules.erase(d.cache_rules.begin());
  EXPECT_EQ(find_cache_rule(d, "/index.html"), nullptr);
}

TEST(Place, CodesAreChecked) {
  EXPECT_TRUE(is_country_code("CN"));
  EXPECT_FALSE(is_country_code("cn"));
  EXPECT_TRUE(is_province_code("CN-BJ"));
  EXPECT_FALSE(is_province_code("CN-"));
  EXPECT_FALSE(is_province_code("Beijing"));
  EXPECT_TRUE(is_isp_name("unicom"));
  EXPECT_FALSE(is_isp_name("Unicom"));
}

}  // namespace
}  // namespace yz::model
