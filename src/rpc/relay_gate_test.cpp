#include <gtest/gtest.h>

#include "rpc/test_support.h"

// A relay's end of the channel, by hand, against a real server.

namespace yz::rpc {
namespace {

using namespace testing;

constexpr std::uint64_t kRelay = 900;

/// A relay that notes what it is told.
class FakeRelay final : public NodeClientEvents {
 public:
  Hello make_hello() override { return {.role = role, .node = model::NodeId{kRelay}, .name = "r"}; }
  void on_connected(const Welcome& /*welcome*/) override { journal.add("welcome"); }
  void on_message(ControlMessage message) override {
    const auto* relayed = std::get_if<RelayedDown>(&message);
    ASSERT_NE(relayed, nullptr);
    std::string to;
    for (const std::uint64_t number : relayed->sessions) to += " " + std::to_string(number);
    if (const auto* end = std::get_if<RelayedEnd>(&relayed->what)) journal.add("end" + to + ": " + end->reason);
    if (const auto* box = boxed<ControlMessageBox>(*relayed)) {
      if (std::holds_alternative<Welcome>(box->message)) journal.add("welcome" + to);
      if (const auto* drain = std::get_if<SetDrain>(&box->message)) {
        journal.add(std::string(drain->draining ? "drain" : "undrain") + to);
      }
      if (const auto* purges = std::get_if<PurgeRecords>(&box->message)) {
        const std::lock_guard lock(mutex);
        ++purge_messages;
        for (const std::uint64_t number : relayed->sessions) purged.push_back(number);
        bytes = purges->records->size();
        journal.add("purges " + to_string(purges->last));
      }
    }
  }
  void on_disconnected(const Error& reason) override { journal.add("disconnected: " + reason.message); }
  void on_refused(const Error& reason, std::chrono::milliseconds /*retry*/) override {
    journal.add("refused: " + reason.message);
  }

  Role role = Role::kRelay;
  Journal journal;
  std::mutex mutex;
  std::size_t purge_messages = 0;
  std::size_t bytes = 0;
  std::vector<std::uint64_t> purged;
};

class RelayGateTest : public ::testing::Test {
 protected:
  RelayGateTest() : control(make_ca("test CA", now()).value()) {
    NodeServerOptions options;
    options.server = make_server_certificate(control.ca, now(), 24h).value();
    options.ca_pem = control.ca.certificate_pem;
    server = *NodeServer::start(std::move(options), control);
  }
  ~RelayGateTest() override {
    direct.reset();
    client.reset();
    server.reset();
  }
  std::unique_ptr<NodeClient> connect(NodeIdentity identity, NodeClientEvents& events) const {
    NodeClientOptions options;
    options.controls = {"127.0.0.1:" + std::to_string(server->port())};
    options.identity = std::move(identity);
    return NodeClient::start(std::move(options), events);
  }
  void connect_relay() {
    client = connect(identity_from(control.ca, kRelay, now(), CertificateUse::kRelay), relay);
    ASSERT_TRUE(relay.journal.wait_for("welcome")) << relay.journal.all();
  }
  bool open(std::uint64_t number, std::uint64_t id, Role role = Role::kEdge) const {
    Hello hello{.role = role, .node = model::NodeId{id}, .name = "n", .applied_purge = model::PurgeSeq{3}};
    return client->send(RelayedUp{{number}, RelayedOpening{hello, "10.1.2.3:4"}});
  }
  bool say(std::vector<std::uint64_t> numbers, NodeMessage message) const {
    return client->send(RelayedUp{std::move(numbers), std::make_shared<const NodeMessageBox>(NodeMessageBox{message})});
  }

  FakeControl control;
  FakeRelay relay;
  FakeNode node;
  std::unique_ptr<NodeServer> server;
  std::unique_ptr<NodeClient> client;
  std::unique_ptr<NodeClient> direct;
};

TEST_F(RelayGateTest, NodesBelowARelayHaveSessionsOfTheirOwn) {
  connect_relay();
  ASSERT_TRUE(open(1, 5));
  ASSERT_TRUE(control.journal.wait_for("hello 5 at 3"));
  ASSERT_TRUE(relay.journal.wait_for("welcome 1"));
  const NodeSessionPtr session = control.session();
  EXPECT_EQ(session->node().value, 5u);
  EXPECT_EQ(session->relay().value, kRelay);
  EXPECT_EQ(session->peer(), "10.1.2.3:4 through r");
  EXPECT_TRUE(session->send(SetDrain{true}));
  EXPECT_TRUE(relay.journal.wait_for("drain 1"));
  say({1}, UsageShipment{1, 2, std::make_shared<const std::string>(2'000'000, 'u')});
  EXPECT_TRUE(control.journal.wait_for("usage 2 of 2000000"));
  ASSERT_TRUE(client->send(RelayedUp{{1}, RelayedEnd{"it left"}}));
  EXPECT_TRUE(control.journal.wait_for("closed: it left"));
  EXPECT_FALSE(session->send(SetDrain{false}));
}

TEST_F(RelayGateTest, WhatIsTheSameForManyGoesToTheRelayOnce) {
  connect_relay();
  std::vector<NodeSessionPtr> sessions;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(open(i, i));
    ASSERT_TRUE(relay.journal.wait_for("welcome " + std::to_string(i)));
    sessions.push_back(control.session());
  }
  const auto records = std::make_shared<const std::string>(600'000, 'p');
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {  // the first keeps the writer busy while the others are queued
    for (const NodeSessionPtr& session : sessions) {
      ASSERT_TRUE(session->send(PurgeRecords{model::PurgeSeq{seq}, model::PurgeSeq{seq}, records}));
    }
  }
  ASSERT_TRUE(relay.journal.wait_for("purges 3")) << relay.journal.all() << control.journal.all();
  ASSERT_TRUE(say({1}, PurgeAck{model::PurgeSeq{99}}));
  ASSERT_TRUE(control.journal.wait_for("purge ack 99"));
  const auto has_all = [this] {
    const std::lock_guard lock(relay.mutex);
    return relay.purged.size() == 150;
  };
  for (int i = 0; i < 1'000 && !has_all(); ++i) std::this_thread::sleep_for(10ms);
  const std::lock_guard lock(relay.mutex);
  EXPECT_EQ(relay.purged.size(), 150u);
  EXPECT_EQ(relay.bytes, records->size());
  EXPECT_LT(relay.purge_messages, 30u);
}

TEST_F(RelayGateTest, OneMessageAcknowledgesForMany) {
  connect_relay();
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(open(i, 10 + i));
  ASSERT_TRUE(say({1, 2, 3}, PurgeAck{model::PurgeSeq{7}}));
  ASSERT_TRUE(control.journal.wait_for("purge ack 7", 3));
  const std::lock_guard lock(control.mutex);
  EXPECT_EQ(control.acks, (std::vector{model::NodeId{11}, model::NodeId{12}, model::NodeId{13}}));
}

TEST_F(RelayGateTest, TheEndOfARelayIsTheEndOfAllBelow) {
  connect_relay();
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(open(i, 10 + i));
  ASSERT_TRUE(relay.journal.wait_for("welcome 3"));
  const NodeSessionPtr session = control.session();
  client.reset();
  EXPECT_TRUE(control.journal.wait_for("closed: its relay went away: the node went away", 3)) << control.journal.all();
  EXPECT_TRUE(control.journal.wait_for("closed", 4));  // and its own
  EXPECT_FALSE(session->send(SetDrain{true}));
}

TEST_F(RelayGateTest, ANodeHasOneSessionThroughWhicheverWayItCameLast) {
  connect_relay();
  direct = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  ASSERT_TRUE(open(1, 5));
  EXPECT_TRUE(relay.journal.wait_for("welcome 1"));
  EXPECT_TRUE(control.journal.wait_for("closed: replaced by a newer session"));
  EXPECT_TRUE(node.journal.wait_for("disconnected: replaced by a newer session"));
  // It comes again directly: the one through the relay is ended.
  EXPECT_TRUE(relay.journal.wait_for("end 1: replaced by a newer session")) << relay.journal.all();
  EXPECT_TRUE(node.journal.wait_for("welcome 10", 2));
  EXPECT_EQ(control.session()->relay().value, 0u);
}

TEST_F(RelayGateTest, ControlsRefusalReachesTheRelayWithItsReason) {
  connect_relay();
  control.refuse = true;
  ASSERT_TRUE(open(1, 5));
  EXPECT_TRUE(relay.journal.wait_for("end 1: this node was removed"));
}

TEST_F(RelayGateTest, BehindARelayComesNoRelayAndNoNumberTwice) {
  connect_relay();
  ASSERT_TRUE(open(1, 901, Role::kRelay));
  EXPECT_TRUE(relay.journal.wait_for("disconnected: a relay that does not keep to the protocol"));
  ASSERT_TRUE(relay.journal.wait_for("welcome", 2));
  ASSERT_TRUE(open(1, 5));
  ASSERT_TRUE(open(1, 6));
  EXPECT_TRUE(relay.journal.wait_for("disconnected: a relay that does not keep to the protocol", 2));
}

TEST_F(RelayGateTest, WhoHasNoRelaysCertificateIsNone) {
  FakeRelay edge;
  const auto wrong = connect(identity_from(control.ca, kRelay), edge);
  EXPECT_TRUE(edge.journal.wait_for("refused: the certificate is for the other role"));
  FakeRelay plain;  // and a relay is no edge
  plain.role = Role::kEdge;
  const auto other = connect(identity_from(control.ca, kRelay, now(), CertificateUse::kRelay), plain);
  EXPECT_TRUE(plain.journal.wait_for("refused: the certificate is for the other role"));
  EXPECT_EQ(control.journal.all(), "");
}

TEST_F(RelayGateTest, OnlyARelayMayRenewForOthers) {
  const std::string address = "127.0.0.1:" + std::to_string(server->port());
  EnrolRequest request;
  request.renewing = model::NodeId{77};
  request.request_pem = make_key_and_request()->request_pem;
  request.peer = "10.9.9.9:1";
  const auto of_node = forward_enrolment(address, identity_from(control.ca, 5), request, 10s);
  ASSERT_TRUE(of_node) << of_node.error().message;
  EXPECT_EQ(of_node->node.value, 5u);  // itself
  const auto of_relay =
      forward_enrolment(address, identity_from(control.ca, kRelay, now(), CertificateUse::kRelay), request, 10s);
  ASSERT_TRUE(of_relay) << of_relay.error().message;
  EXPECT_EQ(of_relay->node.value, 77u);
  EXPECT_TRUE(control.enrolled_from.starts_with("10.9.9.9:1 through 127.0.0.1:")) << control.enrolled_from;
}

}  // namespace
}  // namespace yz::rpc
