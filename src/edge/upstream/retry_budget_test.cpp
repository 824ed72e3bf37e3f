#include "edge/upstream/retry_budget.h"

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

using namespace std::chrono_literals;
const MonoTime kStart{1h};

/// Takes until nothing is left; how many that were.
int take_all(RetryBudget& budget, MonoTime now) {
  int taken = 0;
  while (budget.take(now)) ++taken;
  return taken;
}

TEST(RetryBudget, BeginsFullAndEndsEmpty) {
  RetryBudget budget;
  EXPECT_EQ(take_all(budget, kStart), RetryBudget::kMost);
}

TEST(RetryBudget, FirstTriesEarnTheirShare) {
  RetryBudget budget;
  (void)take_all(budget, kStart);
  for (int i = 0; i < 50; ++i) budget.earn(20, kStart);
  EXPECT_EQ(take_all(budget, kStart), 10);
  for (int i = 0; i < 1000; ++i) budget.earn(20, kStart);
  EXPECT_EQ(take_all(budget, kStart), RetryBudget::kMost) << "no more is saved up";
}

TEST(RetryBudget, TimeGivesAFloor) {
  RetryBudget budget;
  (void)take_all(budget, kStart);
  EXPECT_EQ(take_all(budget, kStart + 3500ms), 3);
  EXPECT_EQ(take_all(budget, kStart + 4s), 1);
  EXPECT_EQ(take_all(budget, kStart + 2s), 0) << "a clock that another thread read earlier gives nothing back";
}

}  // namespace
}  // namespace yz::edge
