#include "cache/invalidation_marks.h"

#include <memory>

#include <gtest/gtest.h>

namespace yz::cache {
namespace {

constexpr std::uint64_t kName = 1ULL << 48;
constexpr Hash128 kOwn{7, kName};
constexpr Hash128 kNeighbour{7 + 4096, 2 * kName};
constexpr Hash128 kOtherNeighbour{7 + 8192, 3 * kName};

class InvalidationMarksTest : public ::testing::Test {
 protected:
  std::unique_ptr<InvalidationMarks> marks_ = std::make_unique<InvalidationMarks>();
};

TEST_F(InvalidationMarksTest, ARaiseIsSeenUntilOneLooksAnew) {
  const auto then = marks_->at(kOwn);
  EXPECT_FALSE(marks_->is_raised(kOwn, then));
  marks_->raise(kOwn);
  EXPECT_TRUE(marks_->is_raised(kOwn, then));
  EXPECT_FALSE(marks_->is_raised(kOwn, marks_->at(kOwn)));
  marks_->raise({8, kName});  // elsewhere
  EXPECT_FALSE(marks_->is_raised(kOwn, marks_->at(kOwn)));
}

TEST_F(InvalidationMarksTest, WhatOneNeighbourDoesIsItsOwnAffair) {
  for (const bool was_raised_before : {false, true}) {
    if (was_raised_before) marks_->raise(kNeighbour);
    const auto then = marks_->at(kOwn);
    for (int i = 0; i < 100; ++i) marks_->raise(kNeighbour);
    EXPECT_FALSE(marks_->is_raised(kOwn, then));
    marks_->raise(kOwn);
    EXPECT_TRUE(marks_->is_raised(kOwn, then));
  }
}

TEST_F(InvalidationMarksTest, ARaiseIsNotLostUnderOthers) {
  const auto then = marks_->at(kOwn);
  marks_->raise(kOwn);
  marks_->raise(kNeighbour);
  EXPECT_TRUE(marks_->is_raised(kOwn, then));
  // The last to raise it was this URL, which then does it again.
  marks_->raise(kOwn);
  const auto later = marks_->at(kOwn);
  marks_->raise(kOwn);
  marks_->raise(kNeighbour);
  EXPECT_TRUE(marks_->is_raised(kOwn, later));
}

TEST_F(InvalidationMarksTest, WhatTwoNeighboursHideCountsAsRaised) {
  const auto then = marks_->at(kOwn);
  marks_->raise(kNeighbour);
  marks_->raise(kOtherNeighbour);
  EXPECT_TRUE(marks_->is_raised(kOwn, then));
}

}  // namespace
}  // namespace yz::cache
