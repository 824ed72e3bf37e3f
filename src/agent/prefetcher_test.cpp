#include "agent/prefetcher.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "agent/test_support.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

class PrefetcherTest : public testing::Test {
 protected:
  PrefetcherTest() { reactor.spawn_into(scope, prefetcher.run()); }
  void turn(std::chrono::milliseconds time = 150ms) {
    reactor.block_on([](std::chrono::milliseconds t) -> io::Task<void> { co_await io::sleep_for(t); }(time));
  }
  long heard(const std::string& line) { return std::count(control.heard.begin(), control.heard.end(), line); }

  io::Reactor reactor;
  io::Waiters changed;
  FakeEdge edge;
  FakeDriver driver;
  FakeControlSink control;
  Prefetcher prefetcher{driver, edge, control, changed};
  io::TaskScope scope;
};

TEST_F(PrefetcherTest, EveryUrlIsReportedAndThenTheEnd) {
  prefetcher.on_task({model::TaskId{1}, {"http://a/1", "http://a/2"}});
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 1);
  EXPECT_EQ(heard("got http://a/2 "), 1);
  EXPECT_EQ(control.heard.back(), "finished 1");
}

TEST_F(PrefetcherTest, ATaskGivenTwiceRunsOnce) {
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_EQ(driver.asked.size(), 1u);
  EXPECT_EQ(heard("finished 1"), 1);
}

TEST_F(PrefetcherTest, AnEmptyTaskFinishes) {
  prefetcher.on_task({model::TaskId{3}, {}});
  turn();
  EXPECT_EQ(heard("finished 3"), 1);
}

TEST_F(PrefetcherTest, ResultsWaitForControl) {
  control.is_away = true;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_TRUE(control.heard.empty());
  control.is_away = false;
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 1);
  EXPECT_EQ(heard("finished 1"), 1);
}

TEST_F(PrefetcherTest, ResultsOfATimeWithoutControlComeInMessagesThatControlTakes) {
  control.is_away = true;
  rpc::PrefetchTask task{model::TaskId{1}, {}};
  for (int i = 0; i < 1000; ++i) task.urls.push_back("http://a/" + std::to_string(i) + std::string(4'000, 'x'));
  prefetcher.on_task(task);
  turn();
  control.is_away = false;
  turn();
  EXPECT_EQ(control.heard.size(), 1001U);
  EXPECT_EQ(control.heard.back(), "finished 1");
  EXPECT_LE(control.largest_result, 1U << 20);
  EXPECT_EQ(heard("finished 1"), 1);
}

TEST_F(PrefetcherTest, AnEdgeThatDiesUnderItIsAFailureWithItsReason) {
  driver.is_dead = true;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_EQ(heard("lost http://a/1 dead"), 1);
  EXPECT_EQ(heard("finished 1"), 1);
}

TEST_F(PrefetcherTest, WaitsForAnEdgeThatIsBeingRestarted) {
  edge.is_up = false;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_TRUE(control.heard.empty());
  edge.is_up = true;
  changed.notify_all();
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 1);
}

}  // namespace
}  // namespace yz::agent
