#include "rpc/control_queue.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

SharedBytes bytes(std::size_t size) { return std::make_shared<const std::string>(size, 'b'); }

ControlMessage snapshot(std::uint64_t seq, std::size_t size = 10) {
  return ConfigSnapshotUpdate{model::ConfigSeq{seq}, bytes(size)};
}
ControlMessage delta(std::uint64_t to) {
  return ConfigDeltaUpdate{model::ConfigSeq{to - 1}, model::ConfigSeq{to}, bytes(10)};
}
ControlMessage purges(std::uint64_t first, std::uint64_t last, std::size_t size = 10) {
  return PurgeRecords{model::PurgeSeq{first}, model::PurgeSeq{last}, bytes(size)};
}

std::vector<ControlMessage> drain(ControlQueue& queue) {
  std::vector<ControlMessage> all;
  while (auto frame = queue.next()) all.push_back(std::move(frame->message));
  return all;
}

TEST(ControlQueue, PurgesOvertakeConfiguration) {
  ControlQueue queue({});
  ASSERT_TRUE(queue.push(delta(1)));
  ASSERT_TRUE(queue.push(purges(1, 1)));
  const auto all = drain(queue);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<PurgeRecords>(all[0]));
  EXPECT_TRUE(std::holds_alternative<ConfigDeltaUpdate>(all[1]));
}

TEST(ControlQueue, ConfigurationIsNotStarvedByPurges) {
  ControlQueue queue({});
  ASSERT_TRUE(queue.push(delta(1)));
  for (std::uint64_t i = 1; i <= 100; ++i) ASSERT_TRUE(queue.push(purges(i, i)));
  const auto all = drain(queue);
  std::size_t at = 0;
  while (!std::holds_alternative<ConfigDeltaUpdate>(all[at])) ++at;
  EXPECT_LE(at, 8u);
}

TEST(ControlQueue, ASnapshotReplacesWaitingConfigurationEvenHalfSent) {
  ControlQueue queue({});
  ASSERT_TRUE(queue.push(snapshot(1, kMaxPiece * 3)));
  ASSERT_TRUE(queue.next());
  ASSERT_TRUE(queue.push(delta(2)));
  ASSERT_TRUE(queue.push(snapshot(3)));
  const auto all = drain(queue);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(std::get<ConfigSnapshotUpdate>(all[0]).seq.value, 3u);
}

TEST(ControlQueue, TooManyDeltasAreOwedAsASnapshot) {
  ControlQueue queue({.config_messages = 2});
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(queue.push(delta(i)));
  EXPECT_TRUE(queue.state().behind);
  const auto behind = queue.take_behind();
  ASSERT_TRUE(behind);
  EXPECT_TRUE(behind->config);
  EXPECT_FALSE(behind->purge_from);
  EXPECT_FALSE(queue.take_behind());
  ASSERT_TRUE(queue.push(delta(6)));
  EXPECT_EQ(drain(queue).size(), 1u);
}

TEST(ControlQueue, ASnapshotPaysWhatIsOwed) {
  ControlQueue queue({.config_messages = 1});
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(queue.push(delta(i)));
  ASSERT_TRUE(queue.push(snapshot(3)));
  ASSERT_TRUE(queue.push(delta(4)));  // over the limit again: owed, and the snapshot goes with it
  EXPECT_TRUE(queue.state().behind);
}

TEST(ControlQueue, PurgesPastTheBoundAreOwedFromTheFirstThatDidNotFit) {
  ControlQueue queue({.purge_bytes = 25});
  ASSERT_TRUE(queue.push(purges(1, 4)));
  ASSERT_TRUE(queue.push(purges(5, 9)));
  ASSERT_TRUE(queue.push(purges(10, 12)));
  ASSERT_TRUE(queue.push(purges(13, 13, 1)));  // would fit, but must not overtake
  EXPECT_FALSE(queue.take_behind()) << "not while something waits";
  const auto all = drain(queue);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<PurgeRecords>(all[1]).last.value, 9u);
  const auto behind = queue.take_behind();
  ASSERT_TRUE(behind);
  ASSERT_TRUE(behind->purge_from);
  EXPECT_EQ(behind->purge_from->value, 10u);
  ASSERT_TRUE(queue.push(purges(10, 13)));
  EXPECT_EQ(drain(queue).size(), 1u);
}

TEST(ControlQueue, ASinglePayloadAboveTheBoundStillGoes) {
  ControlQueue queue({.purge_bytes = 5});
  ASSERT_TRUE(queue.push(purges(1, 100, kMaxPiece + 1)));
  const auto first = queue.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->slice.size, kMaxPiece);
  const auto second = queue.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->slice.offset, kMaxPiece);
  EXPECT_EQ(second->slice.size, 1u);
  EXPECT_FALSE(queue.next());
}

TEST(ControlQueue, NodeStatesMergeAndTheNewestWins) {
  const auto states = [](std::uint64_t node, bool ready, bool complete) {
    NodeStates s;
    s.complete = complete;
    s.states.push_back({.node = model::NodeId{node}, .ready = ready});
    return s;
  };
  ControlQueue queue({});
  ASSERT_TRUE(queue.push(states(1, false, true)));
  ASSERT_TRUE(queue.push(states(2, false, false)));
  ASSERT_TRUE(queue.push(states(1, true, false)));
  const auto all = drain(queue);
  ASSERT_EQ(all.size(), 1u);
  const auto& merged = std::get<NodeStates>(all[0]);
  EXPECT_TRUE(merged.complete);
  ASSERT_EQ(merged.states.size(), 2u);
  EXPECT_TRUE(merged.states[0].ready);
}

TEST(ControlQueue, MessagesThatMayNotBeDroppedEndTheSessionAtTheBound) {
  ControlQueue queue({.other_messages = 3});
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(queue.push(UsageAck{1, i}));
  EXPECT_FALSE(queue.push(UsageAck{1, 3}));
}

}  // namespace
}  // namespace yz::rpc
