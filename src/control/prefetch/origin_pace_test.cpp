#include "control/prefetch/origin_pace.h"

#include <gtest/gtest.h>

namespace yz::control {
namespace {

using namespace std::chrono_literals;

const MonoTime kStart{1h};

int taken(OriginPace& pace, std::uint32_t cost) {
  int count = 0;
  while (pace.take(cost)) {
    ++count;
    pace.end_one();
  }
  return count;
}

TEST(OriginPace, ASecondsWorthIsSavedAndNoMore) {
  OriginPace pace(10, kStart);
  EXPECT_EQ(taken(pace, 1), 10);
  pace.refill(10, kStart + 350ms);
  EXPECT_EQ(taken(pace, 1), 3);
  pace.refill(10, kStart + 400ms);
  EXPECT_EQ(taken(pace, 1), 1) << "parts of a request add up";
  pace.refill(10, kStart + 1h);
  EXPECT_EQ(taken(pace, 1), 10);
}

TEST(OriginPace, AUrlCostsWhatItsOriginIsAsked) {
  OriginPace pace(10, kStart);
  EXPECT_EQ(taken(pace, 4), 2);
  pace.refill(10, kStart + 200ms);
  EXPECT_EQ(taken(pace, 4), 1);
}

TEST(OriginPace, WhatCostsMoreThanASecondHasPaysLater) {
  OriginPace pace(10, kStart);
  EXPECT_EQ(taken(pace, 30), 1);
  pace.refill(10, kStart + 2900ms);
  EXPECT_EQ(taken(pace, 30), 0);
  pace.refill(10, kStart + 3s);
  EXPECT_EQ(taken(pace, 30), 1) << "30 requests take three seconds";
}

TEST(OriginPace, ASlowOriginIsNotGivenEverMore) {
  OriginPace pace(1000, kStart);
  for (std::size_t i = 0; i < OriginPace::kMostUnderWay; ++i) EXPECT_TRUE(pace.take(1));
  EXPECT_FALSE(pace.take(1));
  EXPECT_FALSE(pace.is_at_rest());
  pace.end_one();
  EXPECT_TRUE(pace.take(1));
}

TEST(OriginPace, AnotherRateHoldsAtOnce) {
  OriginPace pace(100, kStart);
  pace.refill(5, kStart);
  EXPECT_EQ(taken(pace, 1), 5);
}

}  // namespace
}  // namespace yz::control
