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

TEST_F(PrefetcherTest, EveryUrlIsReported) {
  prefetcher.on_task({model::TaskId{1}, {"http://a/1", "http://a/2"}});
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 1);
  EXPECT_EQ(heard("got http://a/2 "), 1);
  EXPECT_EQ(control.heard.size(), 2U);
}

TEST_F(PrefetcherTest, AUrlUnderWayIsNotFetchedTwiceAndALaterPartOfItsTaskIs) {
  edge.is_up = false;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  prefetcher.on_task({model::TaskId{1}, {"http://a/1", "http://a/2"}});
  edge.is_up = true;
  changed.notify_all();
  turn();
  EXPECT_EQ(driver.asked, (std::vector<std::string>{"prefetch http://a/1", "prefetch http://a/2"}));
  EXPECT_EQ(heard("got http://a/1 "), 1);
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 2) << "asked again after it ended";
}

TEST_F(PrefetcherTest, WhatAManifestLeadsToIsToldBeforeItsResult) {
  driver.links = {"http://a/1.ts", "http://a/2.ts"};
  prefetcher.on_task({model::TaskId{1}, {"http://a/x.m3u8"}, true});
  turn();
  EXPECT_EQ(control.heard,
            (std::vector<std::string>{"found http://a/1.ts in http://a/x.m3u8",
                                      "found http://a/2.ts in http://a/x.m3u8", "got http://a/x.m3u8 "}));
}

TEST_F(PrefetcherTest, AUrlWhoseLinksAreWantedIsFetchedAgainBesideOneWhoseAreNot) {
  driver.links = {"http://a/1.ts"};
  prefetcher.on_task({model::TaskId{1}, {"http://a/x.m3u8"}});
  prefetcher.on_task({model::TaskId{1}, {"http://a/x.m3u8"}, true});
  turn();
  EXPECT_EQ(driver.asked.size(), 2U);
  EXPECT_EQ(heard("found http://a/1.ts in http://a/x.m3u8"), 1);
}

TEST_F(PrefetcherTest, ResultsWaitForControl) {
  control.is_away = true;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_TRUE(control.heard.empty());
  control.is_away = false;
  turn();
  EXPECT_EQ(heard("got http://a/1 "), 1);
}

TEST_F(PrefetcherTest, ResultsOfATimeWithoutControlComeInMessagesThatControlTakes) {
  control.is_away = true;
  rpc::PrefetchTask task{model::TaskId{1}, {}, true};
  const auto long_url = [](int i) { return "http://a/" + std::to_string(i) + std::string(4'000, 'x'); };
  for (int i = 0; i < 1000; ++i) task.urls.push_back(long_url(i));
  prefetcher.on_task(task);
  turn();
  for (int i = 0; i < 1000; ++i) driver.links.push_back(long_url(i));
  prefetcher.on_task({model::TaskId{1}, {"http://a/x.m3u8"}, true});
  turn();
  control.is_away = false;
  turn();
  EXPECT_EQ(control.heard.size(), 2001U);
  EXPECT_LE(control.largest_result, 1U << 20);
}

TEST_F(PrefetcherTest, AnEdgeThatDiesUnderItIsAFailureWithItsReason) {
  driver.is_dead = true;
  prefetcher.on_task({model::TaskId{1}, {"http://a/1"}});
  turn();
  EXPECT_EQ(control.heard, std::vector<std::string>{"lost http://a/1 dead"});
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
