#include "base/clock.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

using namespace std::chrono_literals;

TEST(Clock, Rfc3339RoundTrips) {
  const auto time = *parse_rfc3339("2026-02-28T23:59:59.250Z");
  EXPECT_EQ(format_rfc3339(time), "2026-02-28T23:59:59.250Z");
  EXPECT_EQ(format_rfc3339(WallTime::min()), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(WallTime::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(*parse_rfc3339("2026-03-01T07:59:59.25+08:00"), time);
  for (const auto* bad : {"", "2026-02-30T00:00:00Z", "2026-02-28", "2026-02-28T24:00:00Z", "2026-02-28T00:00:00"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(Clock, DurationsNeedAUnit) {
  EXPECT_EQ(*parse_duration("250ms"), 250ms);
  EXPECT_EQ(*parse_duration("2h"), 2h);
  EXPECT_FALSE(parse_duration("10"));
  EXPECT_FALSE(parse_duration("s"));
  EXPECT_FALSE(parse_duration("99999999999999999d"));
}

TEST(Clock, ManualClockMovesOnlyWhenTold) {
  ManualClock clock;
  const auto before = clock.mono();
  clock.advance(5s);
  EXPECT_EQ(clock.mono() - before, 5s);
  clock.set_wall(WallTime(0ms));
  EXPECT_EQ(clock.mono() - before, 5s);
}

}  // namespace
}  // namespace yz
