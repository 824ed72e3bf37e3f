#include "http/cache_control.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

TEST(CacheControl, ReadsDirectivesInAnyCaseAndQuoting) {
  const HeaderMap map{{"Cache-Control", "Public, MAX-AGE=\"60\""},
                      {"Cache-Control", "s-maxage=007, stale-if-error=5, stale-while-revalidate=6"}};
  const auto d = response_directives(map);
  EXPECT_TRUE(d.is_public);
  EXPECT_EQ(d.max_age, seconds(60));
  EXPECT_EQ(d.s_maxage, seconds(7));
  EXPECT_EQ(d.stale_if_error, seconds(5));
  EXPECT_EQ(d.stale_while_revalidate, seconds(6));
}

TEST(CacheControl, UnreadableLifetimesAreStaleAndHugeOnesAreCapped) {
  for (const auto* text : {"max-age='3600'", "max-age=3600.0", "max-age=a", "max-age=-1", "max-age", "max-age= 3600"}) {
    EXPECT_EQ(response_directives(HeaderMap{{"Cache-Control", text}}).max_age, seconds(0)) << text;
  }
  EXPECT_EQ(response_directives(HeaderMap{{"Cache-Control", "max-age=99999999999999999999999"}}).max_age,
            kLongestDelta);
  EXPECT_FALSE(response_directives(HeaderMap{{"Cache-Control", "max-age =3600"}}).max_age);
  EXPECT_EQ(response_directives(HeaderMap{{"Cache-Control", "x=\"max-age=3600\", max-age=1, max-age=9"}}).max_age,
            seconds(1));
}

TEST(CacheControl, TheTargetedFieldReplacesAllOthers) {
  const auto d = response_directives(
      HeaderMap{{"Cache-Control", "no-store, max-age=1"}, {"CDN-Cache-Control", "max-age=100;x=y, foo"}});
  EXPECT_TRUE(d.targeted);
  EXPECT_FALSE(d.no_store);
  EXPECT_EQ(d.max_age, seconds(100));
}

TEST(CacheControl, AnInvalidTargetedFieldIsIgnored) {
  for (const auto* text : {"max-age=10000, &&&&&", "max-age=\"10000\"", "MaX-aGe=5", "", "max-age=1.5", "max-age=-1"}) {
    const auto d = response_directives(HeaderMap{{"Cache-Control", "no-store"}, {"CDN-Cache-Control", text}});
    EXPECT_TRUE(d.no_store) << text;
    EXPECT_FALSE(d.targeted) << text;
  }
}

TEST(CacheControl, SurrogateControlWithoutTargetCountsBeforeCacheControl) {
  EXPECT_EQ(response_directives(HeaderMap{{"Cache-Control", "max-age=1"}, {"Surrogate-Control", "max-age=50"}}).max_age,
            seconds(50));
  EXPECT_EQ(
      response_directives(HeaderMap{{"Cache-Control", "max-age=1"}, {"Surrogate-Control", "max-age=50;other"}}).max_age,
      seconds(1));
}

TEST(CacheControl, PragmaCountsOnlyWithoutCacheControl) {
  EXPECT_TRUE(request_directives(HeaderMap{{"Pragma", "no-cache"}}).no_cache);
  EXPECT_FALSE(request_directives(HeaderMap{{"Pragma", "no-cache"}, {"Cache-Control", "max-age=0"}}).no_cache);
  const auto d = request_directives(HeaderMap{{"Cache-Control", "max-stale, min-fresh=3, only-if-cached, no-store"}});
  EXPECT_TRUE(d.max_stale_any && d.only_if_cached && d.no_store);
  EXPECT_EQ(d.min_fresh, seconds(3));
}

}  // namespace
}  // namespace yz::http
