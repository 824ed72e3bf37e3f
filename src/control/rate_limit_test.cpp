#include "control/rate_limit.h"

#include <thread>

#include <gtest/gtest.h>

#include "control/test_cluster.h"
#include "store/redis_server_for_test.h"

namespace yz::control {
namespace {

using std::chrono::seconds;

const WallTime kNow{std::chrono::minutes(29'000'000) + seconds(20)};

TEST(RateLimit, LetsEachSubjectHaveItsMinute) {
  RateLimit limit(3, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.take("token:1", kNow).count(), 0);
  EXPECT_EQ(limit.take("token:1", kNow).count(), 40);
  EXPECT_EQ(limit.take("token:2", kNow).count(), 0);
  EXPECT_EQ(limit.take("token:1", kNow + seconds(40)).count(), 0) << "a new minute";
}

TEST(RateLimit, OfNoneLetsAllThrough) {
  RateLimit limit(0, nullptr);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(limit.take("token:1", kNow).count(), 0);
}

class SharedLimit : public testing::Test {
 protected:
  void SetUp() override {
    auto server = store::RedisServer::start();
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  std::unique_ptr<store::Redis> redis() {
    auto opened = store::Redis::open(server_->url(), {.timeout = seconds(5), .pause = std::chrono::milliseconds(50)});
    return opened ? *std::move(opened) : nullptr;
  }
  std::unique_ptr<store::RedisServer> server_;
};

TEST_F(SharedLimit, IsOneForAllInstances) {
  RateLimit one(4, redis());
  RateLimit other(4, redis());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(one.take("token:1", kNow).count(), 0);
    EXPECT_EQ(other.take("token:1", kNow).count(), 0);
  }
  EXPECT_GT(one.take("token:1", kNow).count(), 0);
  EXPECT_GT(other.take("token:1", kNow).count(), 0);
}

TEST_F(SharedLimit, IsEachInstancesOwnWhileRedisIsAway) {
  RateLimit one(2, redis());
  EXPECT_EQ(one.take("token:1", kNow).count(), 0);
  server_->kill();
  EXPECT_EQ(one.take("token:1", kNow).count(), 0) << "nobody is refused for it";
  EXPECT_GT(one.take("token:1", kNow).count(), 0) << "and nobody let through";
}

TEST_F(SharedLimit, IsKeptByControlAndItsLossNeitherFailsNorLogsInAnybody) {
  test::TestControl control([this](ControlSettings& settings) {
    settings.rate_limit = 20;
    settings.redis = server_->url();
  });
  int served = 0;
  test::Response last;
  for (int i = 0; i < 60 && last.status != 429; ++i) {
    last = control.get("/api/v1/tenants");
    if (last.status == 200) ++served;
  }
  EXPECT_EQ(last.status, 429) << last.body;
  EXPECT_GE(served, 20);
  EXPECT_LE(served, 40) << "a minute may have ended meanwhile";
  EXPECT_NE(last.headers["retry-after"], "");
  EXPECT_EQ(control.call("GET", "/api/v1/tenants", "", {}, "").status, 401) << "who is nobody is told so";
  server_->kill();
  EXPECT_EQ(control.call("GET", "/api/v1/tenants", "", {}, "yz_wrong").status, 401);
  EXPECT_EQ(control.get("/healthz").status, 200);
}

}  // namespace
}  // namespace yz::control
