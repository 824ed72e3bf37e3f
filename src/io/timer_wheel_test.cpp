#include "io/timer_wheel.h"

#include <chrono>
#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace yz::io {
namespace {

using std::chrono::milliseconds;

struct Probe final : TimerNode {
  void on_timer() override { ++fired; }
  int fired = 0;
};

const MonoTime kStart = MonoTime(std::chrono::seconds(1000));

TEST(TimerWheel, FiresAtItsTimeAndNotBefore) {
  for (const std::int64_t at : {1, 2, 255, 256, 257, 511, 512, 16383, 16384, 16385, 1'048'576, 1'048'577, 70'000'000}) {
    TimerWheel wheel(kStart);
    Probe probe;
    wheel.link(probe, kStart + milliseconds(at));
    wheel.advance(kStart + milliseconds(at - 1));
    EXPECT_EQ(probe.fired, 0) << at;
    wheel.advance(kStart + milliseconds(at));
    EXPECT_EQ(probe.fired, 1) << at;
  }
}

TEST(TimerWheel, ATimeInThePastFiresAtTheNextAdvance) {
  TimerWheel wheel(kStart);
  wheel.advance(kStart + milliseconds(1000));
  Probe probe;
  wheel.link(probe, kStart);
  wheel.advance(kStart + milliseconds(1001));
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, AnUnlinkedOrDestroyedTimerDoesNotFire) {
  TimerWheel wheel(kStart);
  Probe probe;
  wheel.link(probe, kStart + milliseconds(5));
  {
    Probe short_lived;
    wheel.link(short_lived, kStart + milliseconds(5));
  }
  probe.unlink();
  wheel.advance(kStart + milliseconds(100));
  EXPECT_EQ(probe.fired, 0);
}

TEST(TimerWheel, TellsHowLongToWait) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.wait_ms(kStart), -1);
  Probe probe;
  wheel.link(probe, kStart + milliseconds(40));
  EXPECT_EQ(wheel.wait_ms(kStart), 40);
  EXPECT_EQ(wheel.wait_ms(kStart + milliseconds(45)), 0);
}

/// The reference: every node fires in the first advance whose time has reached it, whatever the steps.
TEST(TimerWheel, AgreesWithAPlainListUnderRandomUse) {
  Random random(7);
  TimerWheel wheel(kStart);
  std::deque<Probe> probes;
  std::vector<std::int64_t> due;
  std::int64_t now = 0;
  for (int round = 0; round < 2000; ++round) {
    for (int i = 0; i < 3; ++i) {
      const std::int64_t reach = std::int64_t{1} << random.below(27);
      due.push_back(now + 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(reach))));
      wheel.link(probes.emplace_back(), kStart + milliseconds(due.back()));
    }
    if (random.below(4) == 0) {
      const std::size_t moved = random.below(probes.size());
      if (probes[moved].fired == 0) {
        due[moved] = now + 1 + static_cast<std::int64_t>(random.below(5000));
        wheel.link(probes[moved], kStart + milliseconds(due[moved]));
      }
    }
    const int wait = wheel.wait_ms(kStart + milliseconds(now));
    std::int64_t first = INT64_MAX;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (probes[i].fired == 0) first = std::min(first, due[i]);
    }
    ASSERT_GE(wait, 0);
    ASSERT_LE(now + wait, first);
    now += static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(18)));
    wheel.advance(kStart + milliseconds(now));
    for (std::size_t i = 0; i < probes.size(); ++i) ASSERT_EQ(probes[i].fired, due[i] <= now ? 1 : 0) << i;
  }
}

}  // namespace
}  // namespace yz::io
