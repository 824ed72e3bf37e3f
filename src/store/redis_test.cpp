#include "store/redis.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "store/redis_server_for_test.h"

namespace yz::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RedisTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = RedisServer::start();
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  /// Patient: a busy machine is no dead server.
  std::unique_ptr<Redis> open(milliseconds timeout = seconds(5)) {
    auto redis = Redis::open(server_->url(), {.timeout = timeout, .pause = milliseconds(50)});
    EXPECT_TRUE(redis) << redis.error().message;
    return redis ? *std::move(redis) : nullptr;
  }
  static bool eventually_counts(Redis& redis) {
    for (int i = 0; i < 500; ++i) {
      if (redis.add_one("again", seconds(60))) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  std::unique_ptr<RedisServer> server_;
};

TEST_F(RedisTest, AllWhoCountCountTogether) {
  const auto one = open();
  const auto other = open();
  {
    std::vector<std::jthread> threads;
    for (Redis* redis : {one.get(), other.get(), one.get()}) {
      threads.emplace_back([redis] {
        for (int i = 0; i < 50; ++i) ASSERT_TRUE(redis->add_one("k", seconds(60)));
      });
    }
  }
  EXPECT_EQ(one->add_one("k", seconds(60)).value_or(0), 151u);
  EXPECT_EQ(other->add_one("another", seconds(60)).value_or(0), 1u);
}

TEST_F(RedisTest, ACounterIsForgottenAfterItsLife) {
  const auto redis = open();
  EXPECT_EQ(redis->add_one("short", milliseconds(1)).value_or(0), 1u);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(redis->add_one("short", seconds(60)).value_or(0), 1u);
}

TEST_F(RedisTest, AServerThatWasKilledIsUsedAgainWhenItIsBack) {
  const auto redis = open();
  ASSERT_TRUE(redis->add_one("k", seconds(60)));
  server_->kill();
  const auto lost = redis->add_one("k", seconds(60));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_EQ(lost.error().message.find("s3cret"), std::string::npos);
  ASSERT_TRUE(server_->restart());
  EXPECT_TRUE(eventually_counts(*redis));
}

TEST_F(RedisTest, AServerThatHangsCostsOneTimeout) {
  const auto redis = open(milliseconds(300));
  ASSERT_TRUE(eventually_counts(*redis));
  server_->freeze();
  EXPECT_FALSE(redis->add_one("k", seconds(60)));
  const MonoTime start = SystemClock::instance().mono();
  EXPECT_FALSE(redis->add_one("k", seconds(60)));
  EXPECT_LT(SystemClock::instance().mono() - start, milliseconds(300));
  server_->thaw();
  EXPECT_TRUE(eventually_counts(*redis));
}

TEST_F(RedisTest, AWrongPasswordIsNotRepeated) {
  std::string url = server_->url();
  url.replace(url.find("s3cret"), 6, "hidden");
  const auto redis = Redis::open(url);
  ASSERT_TRUE(redis);
  const auto refused = (*redis)->add_one("k", seconds(60));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("hidden"), std::string::npos);
}

TEST(RedisUrl, IsCheckedAndNeverRepeated) {
  for (const char* good : {"redis://h", "redis://h:6380/3", "redis://:p%40w@h", "redis://u:p@127.0.0.1:6379/0"}) {
    EXPECT_TRUE(Redis::check_url(good)) << good;
  }
  for (const char* bad : {"", "redis://", "rediss://:hidden@h", "redis://hidden@h", "redis://:hidden@h:0",
                          "redis://:hidden@h/x", "redis://:hidden@:6379"}) {
    const auto checked = Redis::check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().message.find("hidden"), std::string::npos);
  }
}

}  // namespace
}  // namespace yz::store
