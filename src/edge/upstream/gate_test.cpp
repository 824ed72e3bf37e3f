#include "edge/upstream/gate.h"

#include <atomic>
#include <cstdlib>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/reactor.h"
#include "io/reactor_thread.h"

namespace yz::edge {
namespace {

using namespace std::chrono_literals;

/// Enters, notes how that went, and leaves when told.
io::Task<void> pass(Gate& gate, Gate::Limits limits, MonoTime deadline, std::vector<int>& order, int name,
                    std::optional<Code>& refused) {
  const Status entered = co_await gate.enter(limits, deadline);
  if (entered) {
    order.push_back(name);
  } else {
    refused = entered.error().code;
  }
}

io::Task<void> pause_for(std::chrono::milliseconds time) { co_await io::sleep_for(time); }

class GateTest : public ::testing::Test {
 protected:
  void spawn(int name, Gate::Limits limits, MonoTime deadline = io::kNoDeadline) {
    reactor_.spawn_into(scope_, pass(gate_, limits, deadline, order_, name, refused_));
  }
  void turn() { reactor_.block_on(pause_for(2ms)); }

  std::shared_ptr<Gate> owner_ = std::make_shared<Gate>();
  Gate& gate_ = *owner_;
  std::vector<int> order_;
  std::optional<Code> refused_;
  io::Reactor reactor_;
  io::TaskScope scope_;
};

TEST_F(GateTest, WhoWaitsIsServedInItsOrder) {
  const Gate::Limits limits{2, 10};
  for (int i = 1; i <= 5; ++i) spawn(i, limits);
  EXPECT_EQ(order_, (std::vector{1, 2}));
  EXPECT_EQ(gate_.inside(), 2U);
  EXPECT_EQ(gate_.waiting(), 3U);
  gate_.leave();
  gate_.leave();
  turn();
  EXPECT_EQ(order_, (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(gate_.inside(), 2U);
  for (int i = 0; i < 3; ++i) {
    gate_.leave();
    turn();
  }
  EXPECT_EQ(order_, (std::vector{1, 2, 3, 4, 5}));
  EXPECT_EQ(gate_.inside(), 0U);
}

TEST_F(GateTest, OneTooManyIsTurnedAwayAtOnce) {
  const Gate::Limits limits{1, 1};
  spawn(1, limits);
  spawn(2, limits);
  spawn(3, limits);
  EXPECT_EQ(refused_, Code::kLimit);
  EXPECT_EQ(gate_.waiting(), 1U);
  gate_.leave();
  turn();
  EXPECT_EQ(order_, (std::vector{1, 2}));
  gate_.leave();
}

TEST_F(GateTest, WaitingEndsAtItsDeadlineAndTheNextIsServed) {
  const Gate::Limits limits{1, 10};
  spawn(1, limits);
  spawn(2, limits, reactor_.in(1ms));
  spawn(3, limits);
  reactor_.block_on(pause_for(10ms));
  EXPECT_EQ(refused_, Code::kTimeout);
  EXPECT_EQ(gate_.waiting(), 1U);
  gate_.leave();
  turn();
  EXPECT_EQ(order_, (std::vector{1, 3}));
  gate_.leave();
  EXPECT_EQ(gate_.inside(), 0U);
}

TEST_F(GateTest, AWaiterWhoLeavesLosesNothingForTheOthers) {
  const Gate::Limits limits{1, 10};
  spawn(1, limits);
  {
    io::TaskScope leaving;
    reactor_.spawn_into(leaving, pass(gate_, limits, io::kNoDeadline, order_, 2, refused_));
    spawn(3, limits);
    gate_.leave();  // the pass is on its way to 2, who leaves now
  }
  turn();
  EXPECT_EQ(order_, (std::vector{1, 3}));
  gate_.leave();
  EXPECT_EQ(gate_.inside(), 0U);
}

io::Task<void> hammer(Gate& gate, std::atomic<int>& inside, std::atomic<int>& most, std::atomic<int>& done) {
  const Gate::Limits limits{3, 1000};
  for (int i = 0; i < 200; ++i) {
    if (!co_await gate.enter(limits, io::kNoDeadline)) std::abort();
    const int now = ++inside;
    if (now > most) most = now;
    co_await io::yield();
    --inside;
    gate.leave();
  }
  ++done;
}

TEST(Gate, NeverLetsMoreInsideThanAllowedOverThreads) {
  const auto owner = std::make_shared<Gate>();
  Gate& gate = *owner;
  std::atomic<int> inside{0}, most{0}, done{0};
  {
    io::ReactorThread a("a");
    io::ReactorThread b("b");
    for (io::ReactorThread* thread : {&a, &b}) {
      thread->run_and_wait([&](io::Reactor& reactor) {
        for (int i = 0; i < 8; ++i) reactor.spawn(hammer(gate, inside, most, done));
      });
    }
    for (int i = 0; i < 10'000 && done < 16; ++i) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(done, 16);
  EXPECT_LE(most, 3);
  EXPECT_EQ(gate.inside(), 0U);
  EXPECT_EQ(gate.waiting(), 0U);
}

}  // namespace
}  // namespace yz::edge
