#include "net/h2/priority.h"

#include <string>

#include <gtest/gtest.h>

#include "net/h2/flood_guard.h"

namespace yz::net::h2 {
namespace {

using namespace std::chrono_literals;

TEST(PriorityTest, ReadsFieldsAndFallsBackToTheDefault) {
  struct Case {
    std::string_view field;
    Priority expected;
  };
  const Case cases[] = {
      {"", {3, false}},
      {"u=0", {0, false}},
      {"i", {3, true}},
      {"u=5, i", {5, true}},
      {"u=7,i", {7, true}},
      {"i, u=2", {2, true}},
      {"i=?0, u=1", {1, false}},
      {"u=8", {3, false}},
      {"u=-1", {3, false}},
      {"u=a", {3, false}},
      {"u=1;x=y", {1, false}},
      {"nonsense=", {3, false}},
      {"u=1, x=\"y\"", {1, false}},
      {"u", {3, false}},
      {"u=1, u=4", {4, false}},
  };
  for (const Case& c : cases) EXPECT_EQ(parse_priority(c.field), c.expected) << c.field;
}

struct Named : Prioritised {
  Named(std::uint32_t stream, Priority of) {
    id = stream;
    priority = of;
  }
};

TEST(SendQueueTest, OrdersByUrgencyThenStreamAndLetsIncrementalOnesTakeTurns) {
  SendQueue queue;
  Named late(9, {3, false});
  Named early(5, {3, false});
  Named urgent(11, {0, false});
  Named shared_a(1, {4, true});
  Named shared_b(3, {4, true});
  for (Named* member : {&late, &early, &shared_a, &urgent, &shared_b}) queue.add(*member);
  EXPECT_EQ(queue.front(), &urgent);
  queue.remove(urgent);
  EXPECT_EQ(queue.front(), &early);
  queue.remove(early);
  EXPECT_EQ(queue.front(), &late);
  queue.change(late, {5, false});
  EXPECT_EQ(queue.front(), &shared_a);
  queue.rotate(shared_a);
  EXPECT_EQ(queue.front(), &shared_b);
  queue.rotate(shared_b);
  EXPECT_EQ(queue.front(), &shared_a);
  queue.remove(shared_a);
  queue.remove(shared_b);
  EXPECT_EQ(queue.front(), &late);
  queue.remove(late);
  EXPECT_EQ(queue.front(), nullptr);
}

TEST(FloodGuardTest, AllowsWasteInProportionToWhatWasTaken) {
  const MonoTime start{};
  FloodGuard guard({.wasted_streams = 10}, start);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(guard.count_wasted(start));
  EXPECT_FALSE(guard.count_wasted(start));
  for (int i = 0; i < 4; ++i) guard.count_completed();
  EXPECT_TRUE(guard.count_wasted(start));
  EXPECT_FALSE(guard.count_wasted(start));
  EXPECT_TRUE(guard.count_wasted(start + 10s));
}

TEST(FloodGuardTest, RefillsWithTimeUpToTheBurst) {
  MonoTime now{};
  FloodGuard guard({.control_burst = 5, .control_per_second = 2}, now);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(guard.count_control(now));
  EXPECT_FALSE(guard.count_control(now));
  now += 1s;
  EXPECT_TRUE(guard.count_control(now));
  EXPECT_TRUE(guard.count_control(now));
  EXPECT_FALSE(guard.count_control(now));
  now += 1h;
  int taken = 0;
  while (guard.count_control(now)) ++taken;
  EXPECT_EQ(taken, 5);
}

TEST(FloodGuardTest, BytesSentEarnTheWindowUpdatesThatLetThemGo) {
  const MonoTime now{};
  FloodGuard guard({.control_burst = 1}, now);
  EXPECT_TRUE(guard.count_window_update(now));
  EXPECT_FALSE(guard.count_window_update(now));
  guard.count_sent(1024);
  EXPECT_TRUE(guard.count_window_update(now));
  EXPECT_TRUE(guard.count_window_update(now));
  EXPECT_FALSE(guard.count_window_update(now));
}

}  // namespace
}  // namespace yz::net::h2
