#include "relay/relay.h"

#include <thread>

#include <gtest/gtest.h>

#include "rpc/test_support.h"

// A control, a relay and nodes on 127.0.0.1, all real but for what they do with what they hear.

namespace yz::relay {
namespace {

using namespace rpc;
using namespace rpc::testing;

constexpr std::uint64_t kRelayId = 900;

class RelayTest : public ::testing::Test {
 protected:
  RelayTest() : control(make_ca("test CA", now()).value()) {
    token = make_join_token(control.ca.certificate_pem).value();
    control.secret = token.secret;
    start_control();
    RelayOptions options;
    options.controls = {control_address()};
    options.listen = "127.0.0.1:0";
    options.name = "r1";
    options.identity = identity_from(control.ca, kRelayId, now(), CertificateUse::kRelay);
    relay = *Relay::start(std::move(options));
  }
  ~RelayTest() override {
    clients.clear();
    relay.reset();
    server.reset();
  }
  void start_control(int port = 0) {
    NodeServerOptions options;
    options.listen = "127.0.0.1:" + std::to_string(port);
    options.server = make_server_certificate(control.ca, now(), 24h).value();
    options.ca_pem = control.ca.certificate_pem;
    options.max_purge_bytes = 1 << 20;
    server = *NodeServer::start(std::move(options), control);
  }
  std::string control_address() const { return "127.0.0.1:" + std::to_string(server->port()); }
  std::string address() const { return "127.0.0.1:" + std::to_string(relay->port()); }
  FakeNode& connect(std::uint64_t id) {
    nodes.push_back(std::make_unique<FakeNode>());
    FakeNode& node = *nodes.back();
    node.id = model::NodeId{id};
    NodeClientOptions options;
    options.controls = {address()};
    options.identity = identity_from(control.ca, id);
    clients.push_back(NodeClient::start(std::move(options), node));
    return node;
  }

  FakeControl control;
  JoinToken token;
  std::unique_ptr<NodeServer> server;
  std::unique_ptr<Relay> relay;
  std::vector<std::unique_ptr<FakeNode>> nodes;
  std::vector<std::unique_ptr<NodeClient>> clients;  // of the nodes, in their order
};

TEST_F(RelayTest, IsControlToItsNodesAndItsNodesToControl) {
  FakeNode& node = connect(5);
  NodeClient& client = *clients.front();
  ASSERT_TRUE(node.journal.wait_for("welcome 10")) << node.journal.all();
  ASSERT_TRUE(control.journal.wait_for("hello 5 at 3")) << control.journal.all();
  const NodeSessionPtr session = control.session();
  EXPECT_EQ(session->relay().value, kRelayId);
  const auto big = std::make_shared<const std::string>(9'000'001, 'c');
  ASSERT_TRUE(session->send(ConfigSnapshotUpdate{model::ConfigSeq{11}, big}));
  EXPECT_TRUE(node.journal.wait_for("snapshot 11 of 9000001"));
  ASSERT_TRUE(client.send(UsageShipment{1, 2, std::make_shared<const std::string>(2'000'000, 'u')}));
  EXPECT_TRUE(control.journal.wait_for("usage 2 of 2000000"));
  EXPECT_TRUE(node.journal.wait_for("usage ack 2"));
  ASSERT_TRUE(client.send(PurgeAck{model::PurgeSeq{8}}));
  EXPECT_TRUE(control.journal.wait_for("purge ack 8"));
  clients.clear();
  EXPECT_TRUE(control.journal.wait_for("closed: the node went away")) << control.journal.all();
  EXPECT_FALSE(session->send(SetDrain{true}));
}

TEST_F(RelayTest, NodesJoinAndRenewThroughIt) {
  ASSERT_TRUE(control.journal.wait_for("hello 900 at 0"));
  const auto joined = enrol({.control = address(), .token = token.text, .name = "n"});
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->node.value, 5u);
  EXPECT_NE(control.enrolled_from.find(" through "), std::string::npos);
  const auto renewed = renew(address(), *joined);
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(renewed->node, joined->node);
  const auto refused = enrol({.control = address(), .token = make_join_token(control.ca.certificate_pem)->text});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermission);
}

TEST_F(RelayTest, AllNodesHearOfARefreshAndControlOfAllAcknowledgements) {
  constexpr std::uint64_t kNodes = 40;
  std::vector<NodeSessionPtr> sessions;
  for (std::uint64_t i = 1; i <= kNodes; ++i) {
    ASSERT_TRUE(connect(i).journal.wait_for("welcome 10"));
    sessions.push_back(control.session());
  }
  EXPECT_EQ(relay->node_count(), kNodes);
  const auto records = std::make_shared<const std::string>("records");
  for (const auto& session : sessions) session->send(PurgeRecords{model::PurgeSeq{4}, model::PurgeSeq{6}, records});
  for (std::uint64_t i = 0; i < kNodes; ++i) {
    ASSERT_TRUE(nodes[i]->journal.wait_for("purges 4-6")) << i;
    ASSERT_TRUE(clients[i]->send(PurgeAck{model::PurgeSeq{6}}));
  }
  ASSERT_TRUE(control.journal.wait_for("purge ack 6", kNodes)) << control.journal.all();
  const std::lock_guard lock(control.mutex);
  std::ranges::sort(control.acks);
  EXPECT_EQ(std::ranges::unique(control.acks).begin(), control.acks.end());
}

TEST_F(RelayTest, AfterControlWasAwayItsNodesBeginAnew) {
  FakeNode& node = connect(5);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  const int port = server->port();
  server->stop();
  server.reset();
  ASSERT_TRUE(node.journal.wait_for("disconnected: the relay lost control: control is stopping")) << node.journal.all();
  EXPECT_TRUE(node.journal.wait_for("refused: the relay has no control now")) << node.journal.all();
  start_control(port);
  EXPECT_TRUE(node.journal.wait_for("welcome 10", 2));
  EXPECT_TRUE(control.journal.wait_for("hello 5 at 3", 2));
}

TEST_F(RelayTest, ANodeThatDoesNotReadHoldsUpNobodyAndIsToldWhatItMissed) {
  FakeNode& slow = connect(5);
  ASSERT_TRUE(control.journal.wait_for("hello 5 at 3"));
  const NodeSessionPtr to_slow = control.session();
  FakeNode& quick = connect(6);
  NodeClient& quick_client = *clients.back();
  ASSERT_TRUE(quick.journal.wait_for("welcome 10"));
  slow.stall = true;
  std::unique_lock stalled(slow.stall_mutex);
  const auto chunk = std::make_shared<const std::string>(400'000, 'p');
  for (std::uint64_t i = 1; i <= 100; ++i) {
    ASSERT_TRUE(to_slow->send(PurgeRecords{model::PurgeSeq{i}, model::PurgeSeq{i}, chunk}));
  }
  ASSERT_TRUE(quick_client.send(PurgeAck{model::PurgeSeq{1}}));
  EXPECT_TRUE(control.journal.wait_for("purge ack 1"));
  std::this_thread::sleep_for(300ms);  // all is at the relay by now, which keeps 4 MiB for a node
  stalled.unlock();
  ASSERT_TRUE(control.journal.wait_for("behind")) << control.journal.all();
  const std::uint64_t from = control.behind_from;
  EXPECT_TRUE(slow.journal.wait_for("purges " + std::to_string(from) + "-1000")) << slow.journal.all();
  for (std::uint64_t i = 1; i < from; ++i) {
    EXPECT_TRUE(slow.journal.has("purges " + std::to_string(i) + "-" + std::to_string(i))) << i;
  }
}

TEST_F(RelayTest, ControlMayEndASessionBelow) {
  FakeNode& node = connect(5);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  control.session()->close("the node was removed from the configuration");
  EXPECT_TRUE(node.journal.wait_for("disconnected: the node was removed from the configuration"));
  EXPECT_TRUE(control.journal.wait_for("closed")) << control.journal.all();
}

TEST_F(RelayTest, ARenewedCertificateIsShownToNewNodes) {
  ASSERT_TRUE(relay->set_identity(identity_from(control.ca, kRelayId, now(), CertificateUse::kRelay)));
  FakeNode& node = connect(5);
  EXPECT_TRUE(node.journal.wait_for("welcome 10"));
  EXPECT_FALSE(relay->set_identity(identity_from(make_ca("elsewhere", now()).value(), kRelayId)));
}

TEST_F(RelayTest, AnEdgesCertificateIsNotARelays) {
  RelayOptions options;
  options.controls = {control_address()};
  options.listen = "127.0.0.1:0";
  options.identity = identity_from(control.ca, 5);
  const auto started = Relay::start(std::move(options));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kPermission);
}

}  // namespace
}  // namespace yz::relay
