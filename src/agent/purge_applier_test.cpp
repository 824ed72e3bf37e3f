#include "agent/purge_applier.h"

#include <gtest/gtest.h>

#include "agent/test_support.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class PurgeApplierTest : public testing::Test {
 protected:
  void start() {
    reactor.spawn_into(scope, applier.run());
    turn();
  }
  void turn(std::chrono::milliseconds time = 5ms) {
    reactor.block_on([](std::chrono::milliseconds t) -> io::Task<void> { co_await io::sleep_for(t); }(time));
  }
  void restart_edge(std::uint64_t at) {
    ++edge.generation;
    driver.purged = model::PurgeSeq{at};
    driver.asked.clear();
    changed.notify_all();
    turn();
  }

  io::Reactor reactor;
  io::Waiters changed;
  FakeEdge edge;
  FakeDriver driver;
  FakeControlSink control;
  PurgeApplier applier{driver, edge, control, changed};
  io::TaskScope scope;
};

TEST_F(PurgeApplierTest, RecordsAreAppliedInOrderAndAcknowledged) {
  start();
  applier.on_welcome(model::PurgeSeq{0});
  EXPECT_TRUE(applier.is_caught_up());
  applier.on_records(test_purges(1, 2));
  applier.on_records(test_purges(3, 3));
  turn();
  EXPECT_EQ(driver.asked, (Lines{"purge 1", "purge 2", "purge 3"}));
  EXPECT_EQ(control.heard.back(), "purged 3");
}

TEST_F(PurgeApplierTest, IsNotCaughtUpBeforeWhatWasMissedIsApplied) {
  driver.purged = model::PurgeSeq{5};
  applier.restore(model::PurgeSeq{5});
  start();
  EXPECT_FALSE(applier.is_caught_up()) << "nobody said yet how far control is";
  applier.on_welcome(model::PurgeSeq{8});
  turn();
  EXPECT_FALSE(applier.is_caught_up());
  applier.on_records(test_purges(6, 7));
  turn();
  EXPECT_FALSE(applier.is_caught_up());
  applier.on_records(test_purges(8, 8));
  turn();
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, AGapIsNotAppliedButAskedFor) {
  start();
  applier.on_welcome(model::PurgeSeq{9});
  applier.on_records(test_purges(3, 4));
  turn();
  EXPECT_TRUE(driver.asked.empty());
  EXPECT_EQ(control.heard.back(), "resynchronise");
  applier.on_welcome(model::PurgeSeq{4});
  applier.on_records(test_purges(1, 4));
  turn();
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, ANewProcessGetsItsConfigurationFirst) {
  bool has_config = false;
  applier.begin_when([&](std::uint64_t) { return has_config; });
  start();
  applier.on_welcome(model::PurgeSeq{1});
  applier.on_records(test_purges(1, 1));
  turn();
  EXPECT_TRUE(driver.asked.empty());
  has_config = true;
  changed.notify_all();
  turn();
  EXPECT_EQ(driver.asked, (Lines{"purge 1"}));
}

TEST_F(PurgeApplierTest, DuplicatesDoNoHarm) {
  start();
  applier.on_welcome(model::PurgeSeq{3});
  applier.on_records(test_purges(1, 3));
  applier.on_records(test_purges(1, 2));
  applier.on_records(test_purges(2, 4));
  turn();
  EXPECT_EQ(driver.asked, (Lines{"purge 1", "purge 2", "purge 3", "purge 4"}));
  EXPECT_EQ(applier.applied().value, 4u);
}

TEST_F(PurgeApplierTest, ResyncRevalidatesAndCountsAsApplied) {
  start();
  applier.on_welcome(model::PurgeSeq{1000});
  applier.on_resync({model::PurgeSeq{990}});
  applier.on_records(test_purges(991, 1000));
  turn();
  EXPECT_EQ(driver.asked.front(), "resync 990");
  EXPECT_EQ(driver.asked.size(), 11u);
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, ARestartedEdgeThatLostItsTailGetsItAgain) {
  start();
  applier.on_welcome(model::PurgeSeq{0});
  for (std::uint64_t i = 1; i <= 5; ++i) applier.on_records(test_purges(i, i));
  turn();
  edge.is_up = false;
  changed.notify_all();
  turn();
  EXPECT_FALSE(applier.is_caught_up());
  edge.is_up = true;
  restart_edge(3);
  EXPECT_EQ(driver.asked, (Lines{"purge 4", "purge 5"}));
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, ARestartedEdgeThatLostMoreThanIsRememberedRevalidates) {
  applier.restore(model::PurgeSeq{50});
  driver.purged = model::PurgeSeq{50};
  start();
  applier.on_welcome(model::PurgeSeq{51});
  applier.on_records(test_purges(51, 51));
  turn();
  restart_edge(0);
  EXPECT_EQ(driver.asked, (Lines{"resync 51"}));
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, TheEdgeKnowsBetterThanAnOldPosition) {
  applier.restore(model::PurgeSeq{10});
  driver.purged = model::PurgeSeq{12};
  start();
  EXPECT_EQ(applier.applied().value, 12u);
  EXPECT_TRUE(driver.asked.empty());
}

TEST_F(PurgeApplierTest, WithoutControlEverythingIsRevalidatedOnce) {
  applier.restore(model::PurgeSeq{7});
  driver.purged = model::PurgeSeq{7};
  start();
  applier.go_on_alone();
  applier.go_on_alone();
  turn();
  EXPECT_EQ(driver.asked, (Lines{"resync 7"}));
  EXPECT_TRUE(applier.is_caught_up());
  applier.on_welcome(model::PurgeSeq{9});
  EXPECT_FALSE(applier.is_caught_up()) << "control is back and knows more";
  applier.on_records(test_purges(8, 9));
  turn();
  EXPECT_TRUE(applier.is_caught_up());
}

TEST_F(PurgeApplierTest, WhatControlAnnouncedAndNeverSentIsRevalidatedAway) {
  start();
  applier.on_welcome(model::PurgeSeq{30});
  applier.on_records(test_purges(1, 10));
  turn();
  applier.go_on_alone();
  turn();
  EXPECT_EQ(driver.asked.back(), "resync 30");
  EXPECT_TRUE(applier.is_caught_up());
  EXPECT_EQ(applier.applied().value, 30u);
}

TEST_F(PurgeApplierTest, RecordsTheEdgeCannotReadLeadToRevalidation) {
  start();
  applier.on_welcome(model::PurgeSeq{2});
  applier.on_records({model::PurgeSeq{1}, model::PurgeSeq{2}, std::make_shared<const std::string>("garbage")});
  turn();
  EXPECT_EQ(driver.asked, (Lines{"resync 2"}));
  EXPECT_EQ(applier.applied().value, 2u);
}

TEST_F(PurgeApplierTest, ADyingEdgeIsTriedAgain) {
  start();
  applier.on_welcome(model::PurgeSeq{1});
  driver.is_dead = true;
  applier.on_records(test_purges(1, 1));
  turn();
  EXPECT_FALSE(applier.is_caught_up());
  driver.is_dead = false;
  turn(100ms);
  EXPECT_TRUE(applier.is_caught_up());
  EXPECT_EQ(control.heard.back(), "purged 1");
}

}  // namespace
}  // namespace yz::agent
