#include "rpc/wire.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

template <typename Wire>
Wire over_the_wire(const Wire& message) {
  Wire copy;
  EXPECT_TRUE(copy.ParseFromString(message.SerializeAsString()));
  return copy;
}

template <typename T>
T round_trip_node(const T& message, std::size_t payload = 0) {
  wire::pb::NodeMessage out;
  wire::to_wire(NodeMessage(message), Slice{0, payload}, out);
  auto read = wire::NodeMessageReader().read(over_the_wire(out));
  return std::get<T>(read.value().value());
}

template <typename T>
T round_trip_control(const T& message, std::size_t payload = 0) {
  wire::pb::ControlMessage out;
  wire::to_wire(ControlMessage(message), Slice{0, payload}, out);
  auto read = wire::ControlMessageReader().read(over_the_wire(out));
  return std::get<T>(read.value().value());
}

const SharedBytes kBytes = std::make_shared<const std::string>("\x00\x01payload", 9);
const model::Load kLoad{
    .requests_per_s = 1.5, .bits_out_per_s = 2e9, .connections = 3, .cpu = .25, .cache_bytes = 4, .hit_ratio = .9};

TEST(Wire, NodeMessagesKeepEveryField) {
  const auto ack = round_trip_node(ConfigAck{model::ConfigSeq{7}, false, "no such group"});
  EXPECT_EQ(ack.seq.value, 7u);
  EXPECT_FALSE(ack.ok);
  EXPECT_EQ(ack.reason, "no such group");
  EXPECT_EQ(round_trip_node(PurgeAck{model::PurgeSeq{9}}).applied.value, 9u);
  const model::Heartbeat beat{true, true, model::ConfigSeq{1}, model::PurgeSeq{2}, kLoad};
  EXPECT_EQ(round_trip_node(beat), beat);
  const auto usage = round_trip_node(UsageShipment{11, 12, kBytes}, kBytes->size());
  EXPECT_EQ(usage.epoch, 11u);
  EXPECT_EQ(usage.number, 12u);
  EXPECT_EQ(*usage.batch, *kBytes);
  const auto logs = round_trip_node(LogShipment{13, 14, kBytes}, kBytes->size());
  EXPECT_EQ(logs.epoch, 13u);
  EXPECT_EQ(logs.number, 14u);
  EXPECT_EQ(*logs.batch, *kBytes);
  const auto prefetch = round_trip_node(PrefetchResult{
      model::TaskId{5}, {{"http://a/", false, 404, 10, "gone", true}}, "http://m/", {"http://l/1", "http://l/2"}});
  EXPECT_EQ(prefetch.task.value, 5u);
  EXPECT_EQ(prefetch.manifest, "http://m/");
  EXPECT_EQ(prefetch.links, (std::vector<std::string>{"http://l/1", "http://l/2"}));
  ASSERT_EQ(prefetch.urls.size(), 1u);
  EXPECT_EQ(prefetch.urls[0].url, "http://a/");
  EXPECT_EQ(prefetch.urls[0].status, 404u);
  EXPECT_EQ(prefetch.urls[0].bytes, 10u);
  EXPECT_EQ(prefetch.urls[0].reason, "gone");
  EXPECT_TRUE(prefetch.urls[0].was_read);
  const model::HealthVerdict verdict{model::NodeId{3}, model::Health::kSuspect, "refused",
                                     WallTime(std::chrono::milliseconds(77))};
  EXPECT_EQ(round_trip_node(HealthReport{{verdict}}).verdicts.at(0), verdict);
  const auto report = round_trip_node(
      CorrectionReport{{{model::DomainId{1}, "CN-GD/telecom", "CN-BJ/unicom", model::NodeId{2}, model::NodeId{3}, 4}}});
  ASSERT_EQ(report.corrections.size(), 1u);
  EXPECT_EQ(report.corrections[0].client_class, "CN-BJ/unicom");
  EXPECT_EQ(report.corrections[0].resolver_class, "CN-GD/telecom");
  EXPECT_EQ(report.corrections[0].count, 4u);
}

TEST(Wire, ControlMessagesKeepEveryField) {
  const auto welcome = round_trip_control(Welcome{model::NodeId{1}, model::ConfigSeq{2}, model::PurgeSeq{3}});
  EXPECT_EQ(welcome.node.value, 1u);
  EXPECT_EQ(welcome.current_config.value, 2u);
  EXPECT_EQ(welcome.current_purge.value, 3u);
  const auto snapshot = round_trip_control(ConfigSnapshotUpdate{model::ConfigSeq{4}, kBytes}, kBytes->size());
  EXPECT_EQ(snapshot.seq.value, 4u);
  EXPECT_EQ(*snapshot.snapshot, *kBytes);
  const auto delta =
      round_trip_control(ConfigDeltaUpdate{model::ConfigSeq{4}, model::ConfigSeq{6}, kBytes}, kBytes->size());
  EXPECT_EQ(delta.from.value, 4u);
  EXPECT_EQ(delta.to.value, 6u);
  const auto purges = round_trip_control(PurgeRecords{model::PurgeSeq{7}, model::PurgeSeq{8}, kBytes}, kBytes->size());
  EXPECT_EQ(purges.first.value, 7u);
  EXPECT_EQ(purges.last.value, 8u);
  EXPECT_EQ(*purges.records, *kBytes);
  EXPECT_EQ(round_trip_control(PurgeResync{model::PurgeSeq{5}}).seq.value, 5u);
  const auto task = round_trip_control(PrefetchTask{model::TaskId{6}, {"http://a/", "http://b/"}, true});
  EXPECT_EQ(task.task.value, 6u);
  EXPECT_TRUE(task.reads_manifests);
  EXPECT_EQ(task.urls.size(), 2u);
  EXPECT_EQ(round_trip_control(UsageAck{1, 2}).number, 2u);
  EXPECT_EQ(round_trip_control(LogAck{1, 2}).number, 2u);
  EXPECT_TRUE(round_trip_control(LogAck{1, 2}).is_stored);
  EXPECT_FALSE(round_trip_control(LogAck{1, 2, false}).is_stored);
  const model::NodeState state{model::NodeId{1},
                               true,
                               true,
                               true,
                               model::ConfigSeq{2},
                               model::PurgeSeq{3},
                               kLoad,
                               WallTime(std::chrono::milliseconds(99))};
  const auto states = round_trip_control(NodeStates{true, {state}});
  EXPECT_TRUE(states.complete);
  EXPECT_EQ(states.states.at(0), state);
  EXPECT_TRUE(round_trip_control(SetDrain{true}).draining);
}

TEST(Wire, HelloKeepsEveryFieldAndComesOnlyFirst) {
  const Hello hello{Role::kScheduler,        model::NodeId{1},   "a",  model::ConfigSeq{2},
                    std::string("\x00h", 2), model::PurgeSeq{3}, "0.1"};
  wire::pb::NodeMessage out;
  wire::to_wire(hello, out);
  const Hello read = wire::hello_from_wire(over_the_wire(out)).value();
  EXPECT_EQ(read.role, Role::kScheduler);
  EXPECT_EQ(read.node, hello.node);
  EXPECT_EQ(read.config_hash, hello.config_hash);
  EXPECT_EQ(read.applied_purge, hello.applied_purge);
  EXPECT_EQ(wire::NodeMessageReader().read(over_the_wire(out)).error().code, Code::kInvalid);
  EXPECT_EQ(wire::hello_from_wire(wire::pb::NodeMessage()).error().code, Code::kInvalid);
  out.mutable_hello()->set_role(static_cast<wire::pb::Role>(77));
  EXPECT_EQ(wire::hello_from_wire(over_the_wire(out)).error().code, Code::kInvalid);
}

TEST(Wire, AMessageOfANewerVersionIsPassedOver) {
  const auto read = wire::ControlMessageReader().read(wire::pb::ControlMessage());
  ASSERT_TRUE(read);
  EXPECT_FALSE(*read);
}

}  // namespace
}  // namespace yz::rpc
