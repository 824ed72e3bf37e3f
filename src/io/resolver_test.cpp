#include "io/resolver.h"

#include <atomic>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "io/reactor.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;
using Addresses = std::vector<IpAddress>;

const IpAddress kOld = IpAddress::v4(0x0a000001);
const IpAddress kNew = IpAddress::v4(0x0a000002);

/// A name service whose answer a test sets; look-ups may be held back.
class FakeNames {
 public:
  void say(Result<Addresses> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  Resolver::LookUp look_up() {
    return [this](const std::string&) {
      ++asked;
      while (is_held) std::this_thread::sleep_for(1ms);
      const std::lock_guard lock(mutex_);
      ++answered;
      return answer_;
    };
  }
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::atomic<bool> is_held{false};

 private:
  std::mutex mutex_;
  Result<Addresses> answer_ = Addresses{kOld};
};

class ResolverTest : public ::testing::Test {
 protected:
  Resolver& start(Resolver::Options options) {
    options.look_up = names_.look_up();
    resolver_ = std::make_unique<Resolver>(pool_, options);
    return *resolver_;
  }
  Result<Addresses> resolve() { return reactor_.block_on(resolver_->resolve("origin.example", reactor_.in(5s))); }
  /// Until the answer is `wanted`: a look-up ends a moment after it was asked for.
  bool comes_to(const IpAddress& wanted) {
    for (int i = 0; i < 5000; ++i) {
      const auto now = resolve();
      if (now && *now == Addresses{wanted}) return true;
      std::this_thread::sleep_for(1ms);
    }
    return false;
  }

  FakeNames names_;
  BlockingPool pool_;
  Reactor reactor_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, AFreshAnswerIsNotAskedForAgain) {
  start({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resolve(), Addresses{kOld});
  EXPECT_EQ(names_.asked, 1);
}

TEST_F(ResolverTest, AnAgedAnswerServesWhileTheNextIsOnItsWay) {
  Resolver::Options options;
  options.fresh = 0ms;
  start(options);
  EXPECT_EQ(resolve(), Addresses{kOld});
  // The answer had aged when it came, and was asked for again.
  while (names_.answered < 2) std::this_thread::sleep_for(1ms);
  names_.say(Addresses{kNew});
  names_.is_held = true;
  EXPECT_EQ(resolve(), Addresses{kOld}) << "nobody waits for a refresh";
  names_.is_held = false;
  EXPECT_TRUE(comes_to(kNew));
}

TEST_F(ResolverTest, AFailedRefreshKeepsTheLastGoodAddresses) {
  Resolver::Options options;
  options.fresh = 0ms;
  options.failure = 0ms;
  start(options);
  EXPECT_EQ(resolve(), Addresses{kOld});
  names_.say(fail(Code::kNotFound, "the name server is gone"));
  const int before = names_.answered;
  while (names_.answered < before + 3) EXPECT_EQ(resolve(), Addresses{kOld});
}

TEST_F(ResolverTest, LongPastTheirTimeEvenKeptAddressesAreNoAnswer) {
  Resolver::Options options;
  options.fresh = 0ms;
  options.stale = 1ms;
  start(options);
  EXPECT_EQ(resolve(), Addresses{kOld});
  names_.say(fail(Code::kNotFound, "the name server is gone"));
  std::this_thread::sleep_for(3ms);
  const auto answer = resolve();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::kOrigin);
}

TEST_F(ResolverTest, AFailureIsRememberedForAWhile) {
  start({});
  names_.say(fail(Code::kNotFound, "no such name"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(resolve().error().code, Code::kNotFound);
  EXPECT_EQ(names_.asked, 1);
}

TEST_F(ResolverTest, ASuspectedAnswerIsAskedForThoughFresh) {
  Resolver::Options options;
  options.suspicion = 0ms;
  start(options);
  EXPECT_EQ(resolve(), Addresses{kOld});
  names_.say(Addresses{kNew});
  resolver_->suspect("origin.example");
  EXPECT_TRUE(comes_to(kNew));
  EXPECT_EQ(names_.asked, 2);
}

io::Task<void> resolve_one(Resolver& resolver, std::atomic<int>& done) {
  const auto answer = co_await resolver.resolve("origin.example", kNoDeadline);
  if (answer && *answer == Addresses{kOld}) ++done;
}

TEST_F(ResolverTest, ManyWhoWaitAskOnce) {
  start({});
  names_.is_held = true;
  std::atomic<int> done{0};
  for (int i = 0; i < 50; ++i) reactor_.spawn(resolve_one(*resolver_, done));
  names_.is_held = false;
  while (done < 50) reactor_.block_on([]() -> Task<void> { co_await sleep_for(1ms); }());
  EXPECT_EQ(names_.asked, 1);
}

TEST_F(ResolverTest, AFirstAnswerIsWaitedForNoLongerThanAllowed) {
  start({});
  names_.is_held = true;
  const auto answer = reactor_.block_on(resolver_->resolve("origin.example", reactor_.in(5ms)));
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  names_.is_held = false;
}

}  // namespace
}  // namespace yz::io
