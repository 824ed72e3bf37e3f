#include "io/waiters.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/reactor_thread.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

TEST(Event, WakesWaitersOfSeveralReactorsFromAnotherThread) {
  Event event;
  std::atomic<int> woken{0};
  const auto waiter = [&](Reactor& home) -> Task<void> {
    EXPECT_TRUE(co_await event.wait(kNoDeadline));
    EXPECT_EQ(&Reactor::current(), &home);
    woken.fetch_add(1);
  };
  ReactorThread a("a");
  ReactorThread b("b");
  for (ReactorThread* thread : {&a, &b}) {
    thread->run_and_wait([&](Reactor& reactor) {
      for (int i = 0; i < 10; ++i) reactor.spawn(waiter(reactor));
    });
  }
  event.set();
  a.run_and_wait([](Reactor&) {});
  b.run_and_wait([](Reactor&) {});
  EXPECT_EQ(woken.load(), 20);
  a.run_and_wait([&](Reactor& reactor) { reactor.spawn(waiter(reactor)); });  // set already: no wait
  EXPECT_EQ(woken.load(), 21);
}

TEST(Waiters, AWaitEndsAtItsDeadline) {
  Reactor reactor;
  Waiters waiters;
  const bool notified = reactor.block_on(
      [](Waiters& w) -> Task<bool> { co_return co_await w.wait(w.ticket(), Reactor::current().in(5ms)); }(waiters));
  EXPECT_FALSE(notified);
}

TEST(Waiters, ANotificationAfterTheTicketIsNotLost) {
  Reactor reactor;
  Waiters waiters;
  const bool notified = reactor.block_on([](Waiters& w) -> Task<bool> {
    const auto ticket = w.ticket();
    w.notify_all();
    co_return co_await w.wait(ticket, Reactor::current().in(1h));
  }(waiters));
  EXPECT_TRUE(notified);
}

/// A producer thread bumps a number; followers on two reactors must see every value's end without polling.
TEST(Waiters, FollowersNeverMissTheLastChange) {
  constexpr int kRounds = 3000;
  Waiters waiters;
  std::atomic<int> value{0};
  std::atomic<int> done{0};
  const auto follower = [&]() -> Task<void> {
    int seen = 0;
    while (seen < kRounds) {
      const auto ticket = waiters.ticket();
      if (const int now = value.load(); now != seen) {
        seen = now;
        continue;
      }
      if (!co_await waiters.wait(ticket, Reactor::current().in(20s))) break;
    }
    if (seen == kRounds) done.fetch_add(1);
  };
  ReactorThread a("a");
  ReactorThread b("b");
  for (ReactorThread* thread : {&a, &b}) {
    thread->run_and_wait([&](Reactor& reactor) {
      for (int i = 0; i < 4; ++i) reactor.spawn(follower());
    });
  }
  for (int i = 1; i <= kRounds; ++i) {
    value.store(i);
    waiters.notify_all();
    if (i % 64 == 0) std::this_thread::yield();
  }
  for (int i = 0; i < 2000 && done.load() < 8; ++i) {
    a.run_and_wait([](Reactor&) {});
    b.run_and_wait([](Reactor&) {});
  }
  EXPECT_EQ(done.load(), 8);
}

TEST(Waiters, TimeoutsNotificationsAndDestructionMayMeet) {
  Waiters waiters;
  std::atomic<bool> stop{false};
  std::thread notifier([&] {
    while (!stop.load()) waiters.notify_all();
  });
  {
    std::atomic<int> rounds{0};
    const auto waiter = [&]() -> Task<void> {
      while (true) {
        (void)co_await waiters.wait(waiters.ticket(), Reactor::current().in(1ms));
        rounds.fetch_add(1);
      }
    };
    ReactorThread worker("worker");  // last: its thread uses the two above until it is joined
    worker.run_and_wait([&](Reactor& reactor) {
      for (int i = 0; i < 8; ++i) reactor.spawn(waiter());
    });
    while (rounds.load() < 2000) std::this_thread::yield();
  }  // destroyed while waiting and being notified
  stop.store(true);
  notifier.join();
}

}  // namespace
}  // namespace yz::io
