#include "io/reactor.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "io/reactor_thread.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

Task<int> add(int a, int b) { co_return a + b; }
Task<std::string> twice(std::string text) { co_return text + text; }

TEST(Task, ReturnsItsValueThroughAnyNumberOfLevels) {
  Reactor reactor;
  const auto deep = [](auto self, int depth) -> Task<int> {
    if (depth == 0) co_return 1;
    co_return co_await self(self, depth - 1) + 1;
  };
  EXPECT_EQ(reactor.block_on(deep(deep, 1000)), 1001);
  EXPECT_EQ(reactor.block_on(twice("ab")), "abab");
}

TEST(Task, ALongLoopOfAwaitsDoesNotGrowTheStack) {
  Reactor reactor;
  const auto loop = []() -> Task<long> {
    long sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await add(i, 1);
    co_return sum;
  };
  EXPECT_EQ(reactor.block_on(loop()), 500'000'500'000);
}

TEST(Task, RunsNothingBeforeItIsAwaited) {
  bool ran = false;
  const auto body = [&]() -> Task<void> {
    ran = true;
    co_return;
  };
  {
    auto task = body();
  }
  EXPECT_FALSE(ran);
}

TEST(Reactor, SleepsAtLeastTheTimeAsked) {
  Reactor reactor;
  const MonoTime start = SystemClock::instance().mono();
  reactor.block_on([]() -> Task<void> { co_await sleep_for(20ms); }());
  EXPECT_GE(SystemClock::instance().mono() - start, 20ms);
}

TEST(Reactor, YieldingTasksTakeTurns) {
  Reactor reactor;
  std::string order;
  const auto writer = [&](char c) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      order.push_back(c);
      co_await yield();
    }
  };
  reactor.spawn(writer('a'));
  reactor.spawn(writer('b'));
  reactor.block_on([]() -> Task<void> { co_await sleep_for(5ms); }());
  EXPECT_EQ(order, "ababab");
}

TEST(Reactor, RunsPostsOfManyThreadsOnItsOwn) {
  ReactorThread worker("worker");
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        worker.reactor().post([&] {
          EXPECT_EQ(Reactor::current_or_null(), &worker.reactor());
          ran.fetch_add(1, std::memory_order_relaxed);
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  worker.run_and_wait([](Reactor&) {});  // posts run in order, so all before this one have run
  EXPECT_EQ(ran.load(), 20'000);
}

TEST(Reactor, MayEndWhileItIsStillBeingStopped) {
  for (int i = 0; i < 300; ++i) {
    ReactorThread worker("worker");
    // Busy, so that the loop sees the request to stop before stop() has woken it.
    worker.reactor().post([] {
      Reactor::current().spawn([]() -> Task<void> {
        while (true) co_await yield();
      }());
    });
  }
}

TEST(Reactor, APostToAReactorThatIsGoneIsRefusedAndDestroyed) {
  auto token = std::make_shared<int>(1);
  std::shared_ptr<Remote> remote;
  {
    Reactor reactor;
    remote = reactor.remote();
    EXPECT_TRUE(remote->post([token] {}));
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(remote->post([token] {}));
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Reactor, DestroysTasksThatAreSuspended) {
  auto token = std::make_shared<int>(1);
  const auto sleeper = [](std::shared_ptr<int> held) -> Task<void> {
    const auto inner = [](std::shared_ptr<int>) -> Task<void> { co_await sleep_for(1h); };
    co_await inner(held);
  };
  {
    Reactor reactor;
    reactor.spawn(sleeper(token));
    reactor.spawn(sleeper(token));
    reactor.block_on([]() -> Task<void> { co_await sleep_for(2ms); }());
    EXPECT_EQ(token.use_count(), 5);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(TaskScope, CountsWhatRunsAndCancelsTheRest) {
  Reactor reactor;
  auto token = std::make_shared<int>(1);
  TaskScope scope;
  const auto nap = [](std::shared_ptr<int>, std::chrono::milliseconds time) -> Task<void> { co_await sleep_for(time); };
  reactor.spawn_into(scope, nap(token, 1ms));
  reactor.spawn_into(scope, nap(token, 1h));
  EXPECT_EQ(scope.size(), 2U);
  reactor.block_on([]() -> Task<void> { co_await sleep_for(10ms); }());
  EXPECT_EQ(scope.size(), 1U);
  scope.cancel_all();
  EXPECT_EQ(scope.size(), 0U);
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Callback, HoldsSmallAndLargeCallablesAndMoves) {
  int called = 0;
  Callback small = [&called] { ++called; };
  std::array<char, 200> large{};
  large[199] = 5;
  auto token = std::make_shared<int>(1);
  Callback big = [&called, large, token] { called += large[199]; };
  Callback moved = std::move(big);
  EXPECT_FALSE(big);  // NOLINT(bugprone-use-after-move): likewise
  small();
  moved();
  EXPECT_EQ(called, 6);
  moved = Callback();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace yz::io
