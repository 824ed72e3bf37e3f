#include "agent/config_applier.h"

#include <gtest/gtest.h>

#include "agent/test_support.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

class ConfigApplierTest : public testing::Test {
 protected:
  ConfigApplierTest() { reactor.spawn_into(scope, applier.run()); }
  void turn(std::chrono::milliseconds time = 5ms) {
    reactor.block_on([](std::chrono::milliseconds t) -> io::Task<void> { co_await io::sleep_for(t); }(time));
  }
  void restart_edge() {
    ++edge.generation;
    driver.config = {};
    driver.asked.clear();
    changed.notify_all();
    turn();
  }

  io::Reactor reactor;
  io::Waiters changed;
  FakeEdge edge;
  FakeDriver driver;
  FakeControlSink control;
  ConfigApplier applier{driver, edge, control, changed};
  io::TaskScope scope;
};

TEST_F(ConfigApplierTest, ASnapshotAndThenDeltasAreAppliedAndAcknowledged) {
  applier.on_welcome(model::ConfigSeq{3});
  EXPECT_FALSE(applier.is_settled());
  applier.on_snapshot(test_snapshot(3));
  turn();
  EXPECT_TRUE(applier.is_settled());
  applier.on_delta(test_delta(3, 4));
  turn();
  EXPECT_EQ(driver.asked, (Lines{"snapshot 3", "delta 4"}));
  EXPECT_EQ(control.heard, (Lines{"config 3", "config 4"}));
  EXPECT_EQ(*applier.good(), test_config(4));
  EXPECT_EQ(applier.good_hash(), test_config(4).content_hash());
}

TEST_F(ConfigApplierTest, ARefusedConfigurationIsReportedAndTheLastGoodOneStays) {
  driver.refuses = model::ConfigSeq{4};
  applier.on_snapshot(test_snapshot(3));
  turn();
  applier.on_delta(test_delta(3, 4));
  turn();
  EXPECT_EQ(control.heard, (Lines{"config 3", "refused 4: refused by the edge"}));
  EXPECT_EQ(applier.good_seq().value, 3u);
  EXPECT_TRUE(applier.is_settled());
  restart_edge();
  EXPECT_EQ(driver.asked, (Lines{"snapshot 3"})) << "the new process has the good one";
  EXPECT_TRUE(applier.is_settled());
  applier.on_delta(test_delta(4, 5));
  turn();
  EXPECT_EQ(control.heard.back(), "config 5") << "control may go on from what was refused";
}

TEST_F(ConfigApplierTest, ADeltaAfterARefusalMayStartFromWhatWasAccepted) {
  driver.refuses = model::ConfigSeq{4};
  applier.on_snapshot(test_snapshot(3));
  turn();
  applier.on_delta(test_delta(3, 4));
  turn();
  applier.on_delta(test_delta(3, 5));
  turn();
  EXPECT_EQ(control.heard.back(), "config 5");
  EXPECT_EQ(*applier.good(), test_config(5));
}

TEST_F(ConfigApplierTest, ADeltaThatDoesNotFollowAsksForASnapshot) {
  applier.on_snapshot(test_snapshot(3));
  turn();
  applier.on_delta(test_delta(5, 6));
  EXPECT_EQ(control.heard.back(), "resynchronise");
  EXPECT_TRUE(applier.needs_snapshot());
  applier.on_welcome(model::ConfigSeq{6});
  EXPECT_FALSE(applier.needs_snapshot());
  EXPECT_FALSE(applier.is_settled());
  applier.on_snapshot(test_snapshot(6));
  turn();
  EXPECT_TRUE(applier.is_settled());
}

TEST_F(ConfigApplierTest, WhatArrivesWhileTheEdgeIsDownIsGivenToTheNextOneAtOnce) {
  applier.on_snapshot(test_snapshot(1));
  turn();
  edge.is_up = false;
  for (std::uint64_t i = 1; i < 5; ++i) applier.on_delta(test_delta(i, i + 1));
  turn();
  EXPECT_EQ(control.heard, (Lines{"config 1"}));
  edge.is_up = true;
  restart_edge();
  EXPECT_EQ(driver.asked, (Lines{"snapshot 5"}));
  EXPECT_EQ(control.heard.back(), "config 5");
}

TEST_F(ConfigApplierTest, ADyingEdgeIsTriedAgain) {
  driver.is_dead = true;
  applier.on_snapshot(test_snapshot(2));
  turn();
  EXPECT_TRUE(control.heard.empty());
  EXPECT_FALSE(applier.is_settled());
  driver.is_dead = false;
  turn(150ms);
  EXPECT_EQ(control.heard, (Lines{"config 2"}));
}

TEST_F(ConfigApplierTest, TheStoredConfigurationIsGivenWithoutControl) {
  applier.restore(test_config(7));
  changed.notify_all();
  turn();
  EXPECT_EQ(driver.asked, (Lines{"snapshot 7"}));
  EXPECT_TRUE(applier.is_settled());
}

TEST_F(ConfigApplierTest, AnUnreadableConfigurationIsRefused) {
  applier.on_snapshot({model::ConfigSeq{9}, std::make_shared<const std::string>("garbage")});
  turn();
  ASSERT_EQ(control.heard.size(), 1u);
  EXPECT_TRUE(control.heard[0].starts_with("refused 9: ")) << control.heard[0];
}

TEST_F(ConfigApplierTest, TheSameConfigurationAgainIsAcknowledgedAgainButNotGiven) {
  applier.on_snapshot(test_snapshot(3));
  turn();
  applier.on_snapshot(test_snapshot(3));
  turn();
  EXPECT_EQ(driver.asked, (Lines{"snapshot 3"}));
  EXPECT_EQ(control.heard, (Lines{"config 3", "config 3"}));
}

}  // namespace
}  // namespace yz::agent
