#include "edge/upstream/breaker.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

using namespace std::chrono_literals;
using Entry = Breaker::Entry;
using State = Breaker::State;

const MonoTime kStart{1h};
const BreakerRules kRules{.fall = 3, .rise = 2, .open_time = 1000ms, .longest_open_time = 5000ms};

/// Opened at kStart for a second.
void fail_until_open(Breaker& breaker) {
  for (unsigned i = 0; i < kRules.fall; ++i) breaker.failed(kRules, kStart, false);
}

TEST(Breaker, OpensAfterFailuresInARowAndNotBefore) {
  Breaker breaker;
  breaker.failed(kRules, kStart, false);
  breaker.failed(kRules, kStart, false);
  breaker.succeeded(kRules, kStart, false);
  breaker.failed(kRules, kStart, false);
  breaker.failed(kRules, kStart, false);
  EXPECT_EQ(breaker.enter(kStart), Entry::kYes);
  breaker.failed(kRules, kStart, false);
  EXPECT_EQ(breaker.state(), State::kOpen);
  EXPECT_EQ(breaker.enter(kStart), Entry::kNo);
  EXPECT_EQ(breaker.opens_until(), kStart + 1s);
}

TEST(Breaker, LetsOneTryWhenItsTimeIsOver) {
  Breaker breaker;
  fail_until_open(breaker);
  EXPECT_EQ(breaker.enter(kStart + 999ms), Entry::kNo);
  EXPECT_TRUE(breaker.admits(kStart + 1s));
  EXPECT_EQ(breaker.enter(kStart + 1s), Entry::kProbe);
  EXPECT_FALSE(breaker.admits(kStart + 1s));
  EXPECT_EQ(breaker.enter(kStart + 1s), Entry::kNo);
}

TEST(Breaker, ClosesAfterSuccessesInARowAndTellsWhen) {
  Breaker breaker;
  EXPECT_EQ(breaker.recovered_at(), MonoTime());
  fail_until_open(breaker);
  ASSERT_EQ(breaker.enter(kStart + 1s), Entry::kProbe);
  breaker.succeeded(kRules, kStart + 1s, true);
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  ASSERT_EQ(breaker.enter(kStart + 2s), Entry::kProbe);
  breaker.succeeded(kRules, kStart + 2s, true);
  EXPECT_EQ(breaker.state(), State::kClosed);
  EXPECT_EQ(breaker.recovered_at(), kStart + 2s);
}

TEST(Breaker, AFailedReturnDoublesTheTimeUpToABound) {
  Breaker breaker;
  fail_until_open(breaker);
  MonoTime now = kStart;
  for (const auto wait : {1000ms, 2000ms, 4000ms, 5000ms, 5000ms}) {
    EXPECT_EQ(breaker.opens_until() - now, wait);
    now += wait;
    ASSERT_EQ(breaker.enter(now), Entry::kProbe);
    breaker.failed(kRules, now, true);
  }
}

TEST(Breaker, AProbeWhoseViewerLeftMakesRoomForAnother) {
  Breaker breaker;
  fail_until_open(breaker);
  ASSERT_EQ(breaker.enter(kStart + 1s), Entry::kProbe);
  breaker.gave_up(true);
  EXPECT_EQ(breaker.enter(kStart + 1s), Entry::kProbe);
}

TEST(Breaker, WhatWasOnItsWayWhenItOpenedNeitherReopensNorDelays) {
  Breaker breaker;
  fail_until_open(breaker);
  ASSERT_EQ(breaker.enter(kStart + 1s), Entry::kProbe);
  breaker.failed(kRules, kStart + 1s, false);
  EXPECT_EQ(breaker.state(), State::kHalfOpen);
  breaker.failed(kRules, kStart + 1s, true);
  EXPECT_EQ(breaker.opens_until(), kStart + 3s);
}

TEST(Breaker, ChecksFromOutsideCloseItToo) {
  Breaker breaker;
  fail_until_open(breaker);
  breaker.succeeded(kRules, kStart, false);
  EXPECT_EQ(breaker.state(), State::kOpen);
  breaker.succeeded(kRules, kStart, false);
  EXPECT_EQ(breaker.state(), State::kClosed);
}

TEST(Breaker, OpensWhenHalfOfManyAnswersAreServerErrors) {
  Breaker breaker;
  for (unsigned i = 0; i < Breaker::kWindowLeast - 1; ++i) breaker.note_answer(kRules, kStart, true);
  EXPECT_EQ(breaker.state(), State::kClosed);
  // In the next window counting begins anew.
  const MonoTime next = kStart + Breaker::kWindow;
  for (unsigned i = 0; i < 30; ++i) breaker.note_answer(kRules, next, i % 3 == 0);
  EXPECT_EQ(breaker.state(), State::kClosed);
  for (unsigned i = 0; i < 10; ++i) breaker.note_answer(kRules, next, true);
  EXPECT_EQ(breaker.state(), State::kOpen);
}

TEST(Breaker, ThreadsAgreeOnOneProbe) {
  Breaker breaker;
  fail_until_open(breaker);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> probes{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (breaker.enter(kStart + 1s) == Entry::kProbe) ++probes;
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(probes, 1);
    breaker.gave_up(true);
  }
}

}  // namespace
}  // namespace yz::edge
