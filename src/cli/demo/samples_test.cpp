#include <gtest/gtest.h>

#include "cli/demo/story.h"

namespace yz::cli {
namespace {

TEST(Samples, PercentilesAreByNearestRank) {
  Samples s;
  for (int i = 1; i <= 200; ++i) s.add(std::chrono::milliseconds(i));
  EXPECT_DOUBLE_EQ(s.percentile(50), 100);
  EXPECT_DOUBLE_EQ(s.percentile(99), 198);
  EXPECT_DOUBLE_EQ(s.percentile(100), 200);
}

TEST(Samples, TheWorstOfTenIsTheirP99) {
  Samples s;
  for (int i = 1; i <= 10; ++i) s.add(std::chrono::milliseconds(i));
  EXPECT_DOUBLE_EQ(s.percentile(99), 10);
}

TEST(Reply, AHitIsWhatTheLastCacheSays) {
  Reply r;
  r.cache_status = "yz-l2-1; hit, yz-bj; fwd=miss; stored";
  EXPECT_FALSE(r.is_hit());
  r.cache_status = "yz-l2-1; fwd=miss, yz-bj; hit; ttl=3";
  EXPECT_TRUE(r.is_hit());
  r.cache_status = "yz-bj;hit";
  EXPECT_TRUE(r.is_hit());
  r.cache_status = "";
  EXPECT_FALSE(r.is_hit());
}

}  // namespace
}  // namespace yz::cli
