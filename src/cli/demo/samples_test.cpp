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

TEST(Ledger, DoubtsOnlyWhatAKillMayHaveMet) {
  Ledger ledger;
  const Endpoint killed{IpAddress::v4(1), 80}, other{IpAddress::v4(2), 80};
  const auto at = [](int ms) { return MonoTime() + std::chrono::milliseconds(ms); };
  ledger.add("a", {killed, 100, 10, at(0), at(1)});      // long before
  ledger.add("a", {killed, 100, 10, at(980), at(985)});  // just before
  ledger.add("b", {other, 100, 10, at(980), at(985)});   // elsewhere
  ledger.killed(killed, at(1000));
  ledger.add("a", {killed, 100, 10, at(990), at(1010)});   // begun before, seen after
  ledger.add("a", {killed, 100, 10, at(2000), at(2010)});  // after its return
  ledger.add_cut("a", 10);
  EXPECT_EQ(ledger.rows().at("a").requests, 4u);
  EXPECT_EQ(ledger.rows().at("a").doubtful, 2u);
  EXPECT_EQ(ledger.rows().at("a").doubtful_out, 200u);
  EXPECT_EQ(ledger.rows().at("a").cut, 1u);
  EXPECT_EQ(ledger.rows().at("b").doubtful, 0u);
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
