#include "delayed_client.h"

#include <gtest/gtest.h>

namespace yz::bench {
namespace {

using namespace std::chrono_literals;

TEST(Post, DoesThingsInTheOrderOfTheirTimesAndNotBefore) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> done;
  std::vector<Post::Time> times;
  Post post;
  const Post::Time now = std::chrono::steady_clock::now();
  const auto note = [&](int number) {
    return [&, number] {
      const std::lock_guard lock(mutex);
      done.push_back(number);
      times.push_back(std::chrono::steady_clock::now());
      changed.notify_all();
    };
  };
  post.at(now + 30ms, note(3));
  post.at(now + 10ms, note(1));
  post.at(now + 10ms, note(2));
  post.at(now - 1s, note(0));
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 5s, [&] { return done.size() == 4; }));
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_GE(times[1], now + 10ms);
  EXPECT_GE(times[3], now + 30ms);
}

TEST(Post, WhatIsLeftAtItsEndIsNotDone) {
  bool is_done = false;
  {
    Post post;
    post.at(std::chrono::steady_clock::now() + 1h, [&] { is_done = true; });
  }
  EXPECT_FALSE(is_done);
}

}  // namespace
}  // namespace yz::bench
