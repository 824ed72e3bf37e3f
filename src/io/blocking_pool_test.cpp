#include "io/blocking_pool.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "io/reactor.h"
#include "io/resolver.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

TEST(BlockingPool, ReturnsPlainValuesResultsAndNothing) {
  BlockingPool pool;
  Reactor reactor;
  reactor.block_on([](BlockingPool& p) -> Task<void> {
    const MonoTime deadline = Reactor::current().in(10s);
    const std::thread::id home = std::this_thread::get_id();
    Result<std::thread::id> other = co_await p.run([] { return std::this_thread::get_id(); }, deadline);
    EXPECT_TRUE(other && *other != home);
    EXPECT_EQ(std::this_thread::get_id(), home);
    Result<int> failed = co_await p.run([]() -> Result<int> { return fail(Code::kConflict, "no"); }, deadline);
    EXPECT_EQ(failed.error().code, Code::kConflict);
    Status nothing = co_await p.run([] {}, deadline);
    EXPECT_TRUE(nothing);
    Result<std::unique_ptr<int>> moved = co_await p.run([] { return std::make_unique<int>(4); }, deadline);
    EXPECT_EQ(**moved, 4);
  }(pool));
}

TEST(BlockingPool, AWaitEndsAtItsDeadlineWhileTheWorkRunsOn) {
  std::mutex gate;
  std::atomic<bool> started{false};
  auto finished = std::make_shared<std::atomic<bool>>(false);
  Reactor reactor;
  {
    BlockingPool pool(BlockingPool::Options{1, 1});
    std::unique_lock hold(gate);
    reactor.block_on([](BlockingPool& p, std::mutex& g, std::atomic<bool>& begun,
                        std::shared_ptr<std::atomic<bool>> done) -> Task<void> {
      auto late = co_await p.run(
          [&g, &begun, done] {
            begun.store(true);
            const std::lock_guard lock(g);
            done->store(true);
            return 1;
          },
          Reactor::current().in(5ms));
      EXPECT_EQ(late.error().code, Code::kTimeout);
    }(pool, gate, started, finished));
    while (!started.load()) std::this_thread::yield();
    hold.unlock();
  }
  EXPECT_TRUE(finished->load());
}

TEST(BlockingPool, RefusesMoreThanItsQueueHoldsAndCancelsWhatWaitsWhenItEnds) {
  Reactor reactor;
  std::mutex gate;
  auto pool = std::make_unique<BlockingPool>(BlockingPool::Options{1, 1});
  std::atomic<bool> started{false};
  std::unique_lock hold(gate);
  ASSERT_TRUE(pool->submit([&] {
    started.store(true);
    const std::lock_guard lock(gate);
  }));
  while (!started.load()) std::this_thread::yield();
  std::optional<Code> waiting;
  reactor.spawn([](BlockingPool& p, std::optional<Code>& out) -> Task<void> {
    auto result = co_await p.run([] { return 1; }, kNoDeadline);
    if (!result) out = result.error().code;
  }(*pool, waiting));
  EXPECT_EQ(pool->submit([] {}).error().code, Code::kLimit);
  std::thread ender([&] { pool.reset(); });
  reactor.block_on([](std::optional<Code>& out) -> Task<void> {
    while (!out) co_await sleep_for(1ms);
  }(waiting));
  EXPECT_EQ(waiting, Code::kCancelled);
  hold.unlock();
  ender.join();
}

TEST(BlockingPool, AWaitingCoroutineMayBeDestroyed) {
  BlockingPool pool(BlockingPool::Options{1, 8});
  std::mutex gate;
  std::unique_lock hold(gate);
  auto reactor = std::make_unique<Reactor>();
  reactor->spawn([](BlockingPool& p, std::mutex& g) -> Task<void> {
    (void)co_await p.run([&g] { const std::lock_guard lock(g); }, kNoDeadline);
    ADD_FAILURE() << "resumed";
  }(pool, gate));
  reactor.reset();
  hold.unlock();
}

TEST(Resolver, ReturnsLiteralsAsTheyAreAndLooksUpNames) {
  BlockingPool pool;
  Reactor reactor;
  Resolver resolver(pool);
  reactor.block_on([](Resolver& r) -> Task<void> {
    const MonoTime deadline = Reactor::current().in(10s);
    EXPECT_EQ((co_await r.resolve("192.0.2.7", deadline))->front(), IpAddress::v4(0xC0000207));
    EXPECT_EQ(to_string((co_await r.resolve("[2001:db8::1]", deadline))->front()), "2001:db8::1");
    const auto local = co_await r.resolve("localhost", deadline);
    EXPECT_TRUE(local && local->front().is_loopback());
    EXPECT_EQ(*co_await r.resolve("localhost", deadline), *local);
  }(resolver));
}

}  // namespace
}  // namespace yz::io
