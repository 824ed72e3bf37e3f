#include <gtest/gtest.h>

#include "io/reactor.h"
#include "rpc/channel.h"
#include "rpc/test_support.h"

// A real server and real clients on 127.0.0.1.

namespace yz::rpc {
namespace {

using namespace testing;

class NodeChannelTest : public ::testing::Test {
 protected:
  NodeChannelTest() : control(make_ca("test CA", now()).value()) {
    token = make_join_token(control.ca.certificate_pem).value();
    control.secret = token.secret;
  }
  ~NodeChannelTest() override {
    client.reset();
    server.reset();
  }

  void start_server(int port = 0, NodeServerOptions options = {}) {
    options.listen = "127.0.0.1:" + std::to_string(port);
    options.server = make_server_certificate(control.ca, now(), 24h).value();
    options.ca_pem = control.ca.certificate_pem;
    options.max_purge_bytes = 1 << 20;
    auto started = NodeServer::start(std::move(options), control);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(server->port()); }
  std::unique_ptr<NodeClient> connect(NodeIdentity identity, NodeClientEvents& events, NodeClientOptions options = {}) {
    options.controls = {address()};
    options.identity = std::move(identity);
    return NodeClient::start(std::move(options), events);
  }

  FakeControl control;
  FakeNode node;
  JoinToken token;
  std::unique_ptr<NodeServer> server;
  std::unique_ptr<NodeClient> client;
};

TEST_F(NodeChannelTest, ANodeEnrolsWithItsTokenAndOpensASession) {
  start_server();
  const auto identity = enrol({.control = address(), .token = token.text, .name = "n"});
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->node.value, 5u);
  client = connect(*identity, node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10")) << node.journal.all();
  ASSERT_TRUE(control.journal.wait_for("hello 5 at 3")) << control.journal.all();
  ASSERT_TRUE(client->send(PurgeAck{model::PurgeSeq{8}}));
  EXPECT_TRUE(control.journal.wait_for("purge ack 8"));
  EXPECT_EQ(server->session_count(), 1u);
  client.reset();
  EXPECT_TRUE(control.journal.wait_for("closed"));
}

TEST_F(NodeChannelTest, AWrongTokenOrAnotherClustersTokenIsRefused) {
  start_server();
  const auto wrong = enrol({.control = address(), .token = make_join_token(control.ca.certificate_pem)->text});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kPermission);
  const KeyPair elsewhere = make_ca("elsewhere", now()).value();
  const auto foreign = enrol({.control = address(), .token = make_join_token(elsewhere.certificate_pem)->text});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Code::kPermission);
  EXPECT_NE(foreign.error().message.find("not of the cluster"), std::string::npos);
}

TEST_F(NodeChannelTest, ACertificateIsRenewedByTheOneBefore) {
  start_server();
  const auto first = enrol({.control = address(), .token = token.text});
  ASSERT_TRUE(first);
  const auto second = renew(address(), *first);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->node, first->node);
  EXPECT_NE(second->pair.key_pem, first->pair.key_pem);
}

TEST_F(NodeChannelTest, AForeignAnExpiredAndAMismatchedCertificateAreRefused) {
  start_server();
  const KeyPair elsewhere = make_ca("test CA", now()).value();
  NodeIdentity foreign_identity = identity_from(elsewhere, 5);
  foreign_identity.ca_pem = control.ca.certificate_pem;
  FakeNode foreign, expired, mismatched;
  const auto a = connect(foreign_identity, foreign);
  const auto b = connect(identity_from(control.ca, 5, now() - 48h), expired);
  mismatched.id = model::NodeId{6};
  const auto c = connect(identity_from(control.ca, 5), mismatched);
  EXPECT_TRUE(foreign.journal.wait_for("refused", 2)) << foreign.journal.all();
  EXPECT_TRUE(expired.journal.wait_for("refused", 2)) << expired.journal.all();
  EXPECT_TRUE(mismatched.journal.wait_for("refused: Hello is from another node than the certificate"))
      << mismatched.journal.all();
  EXPECT_EQ(control.journal.all(), "");
}

TEST_F(NodeChannelTest, AServerOfAnotherCaIsRefusedByTheNode) {
  start_server();
  NodeIdentity identity = identity_from(control.ca, 5);
  identity.ca_pem = make_ca("elsewhere", now())->certificate_pem;
  client = connect(identity, node);
  EXPECT_TRUE(node.journal.wait_for("refused", 2)) << node.journal.all();
  EXPECT_EQ(control.journal.all(), "");
}

TEST_F(NodeChannelTest, ConnectWithoutACertificateIsRefused) {
  start_server();
  NodeIdentity identity = identity_from(control.ca, 5);
  identity.pair = {};
  client = connect(identity, node);
  EXPECT_TRUE(node.journal.wait_for("refused: a client certificate is required")) << node.journal.all();
}

TEST_F(NodeChannelTest, ControlsRefusalReachesTheNodeWithItsReason) {
  start_server();
  control.refuse = true;
  client = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(node.journal.wait_for("refused: this node was removed")) << node.journal.all();
  control.refuse = false;
  EXPECT_TRUE(node.journal.wait_for("welcome 10"));
}

TEST_F(NodeChannelTest, ANodeComesBackAfterControlRestarts) {
  start_server();
  const int port = server->port();
  client = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  server->stop();
  server.reset();
  ASSERT_TRUE(node.journal.wait_for("disconnected: control is stopping")) << node.journal.all();
  ASSERT_TRUE(control.journal.has("closed: control is stopping")) << control.journal.all();
  EXPECT_FALSE(client->send(PurgeAck{}));
  start_server(port);
  EXPECT_TRUE(node.journal.wait_for("welcome 10", 2));
}

TEST_F(NodeChannelTest, ANewSessionReplacesTheOldOneOfTheSameNode) {
  start_server();
  const NodeIdentity identity = identity_from(control.ca, 5);
  FakeNode twin;
  client = connect(identity, node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  const NodeSessionPtr first = control.session();
  const auto second_client = connect(identity, twin);
  ASSERT_TRUE(twin.journal.wait_for("welcome 10"));
  EXPECT_TRUE(control.journal.wait_for("closed: replaced by a newer session"));
  EXPECT_TRUE(node.journal.wait_for("disconnected: replaced by a newer session")) << node.journal.all();
  EXPECT_FALSE(first->send(SetDrain{true}));
}

TEST_F(NodeChannelTest, LargePayloadsTravelInPiecesBothWays) {
  start_server();
  client = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  const auto big = std::make_shared<const std::string>(9'000'001, 'c');
  ASSERT_TRUE(control.session()->send(ConfigSnapshotUpdate{model::ConfigSeq{11}, big}));
  EXPECT_TRUE(node.journal.wait_for("snapshot 11 of 9000001"));
  ASSERT_TRUE(client->send(UsageShipment{1, 2, std::make_shared<const std::string>(2'000'000, 'u')}));
  EXPECT_TRUE(control.journal.wait_for("usage 2 of 2000000"));
  EXPECT_TRUE(node.journal.wait_for("usage ack 2"));
}

TEST_F(NodeChannelTest, ASlowNodeHoldsUpNobodyAndIsToldWhatItMissed) {
  start_server();
  FakeNode quick;
  quick.id = model::NodeId{6};
  const auto quick_client = connect(identity_from(control.ca, 6), quick);
  ASSERT_TRUE(control.journal.wait_for("hello 6 at 3"));
  node.stall = true;
  std::unique_lock stalled(node.stall_mutex);
  client = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(control.journal.wait_for("hello 5 at 3"));
  const NodeSessionPtr slow = control.session();
  ASSERT_EQ(slow->node().value, 5u);
  const auto chunk = std::make_shared<const std::string>(400'000, 'p');
  for (std::uint64_t i = 1; i <= 60; ++i) {
    ASSERT_TRUE(slow->send(PurgeRecords{model::PurgeSeq{i}, model::PurgeSeq{i}, chunk}));
  }
  EXPECT_LE(slow->queue().bytes, 2u << 20);
  ASSERT_TRUE(quick_client->send(PurgeAck{model::PurgeSeq{1}}));
  EXPECT_TRUE(control.journal.wait_for("purge ack 1"));
  stalled.unlock();
  ASSERT_TRUE(control.journal.wait_for("behind"));
  const std::uint64_t from = control.behind_from;
  EXPECT_LT(from, 60u);
  EXPECT_TRUE(node.journal.wait_for("purges " + std::to_string(from) + "-1000")) << node.journal.all();
  for (std::uint64_t i = 1; i < from; ++i) {
    EXPECT_TRUE(node.journal.has("purges " + std::to_string(i) + "-" + std::to_string(i))) << i;
  }
}

TEST_F(NodeChannelTest, ASilentNodeIsAskedAndThenGivenUp) {
  NodeServerOptions options;
  options.keepalive_time = 300ms;
  options.keepalive_timeout = 300ms;
  start_server(0, std::move(options));
  FakeNode quiet;  // says nothing by itself, but answers
  quiet.id = model::NodeId{6};
  const auto quiet_client = connect(identity_from(control.ca, 6), quiet);
  ASSERT_TRUE(quiet.journal.wait_for("welcome 10"));
  client = connect(identity_from(control.ca, 5), node);
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  node.stall = true;
  {
    const std::lock_guard stalled(node.stall_mutex);
    control.session()->send(PurgeRecords{model::PurgeSeq{1}, model::PurgeSeq{1}, std::make_shared<std::string>("p")});
    EXPECT_TRUE(control.journal.wait_for("closed: the node is silent")) << control.journal.all();
  }
  EXPECT_FALSE(quiet.journal.has("disconnected: the node is silent"));
  EXPECT_TRUE(quiet_client->is_connected());
}

TEST_F(NodeChannelTest, ASilentControlIsGivenUp) {
  start_server();
  NodeClientOptions options;
  options.keepalive_time = 200ms;
  options.keepalive_timeout = 200ms;
  client = connect(identity_from(control.ca, 5), node, std::move(options));
  ASSERT_TRUE(node.journal.wait_for("welcome 10"));
  control.stall = true;
  {
    const std::lock_guard stalled(control.stall_mutex);
    ASSERT_TRUE(client->send(PurgeAck{model::PurgeSeq{8}}));
    EXPECT_TRUE(node.journal.wait_for("disconnected: control is silent")) << node.journal.all();
  }
  EXPECT_TRUE(node.journal.wait_for("welcome 10", 2));
}

/// A connection that speaks TLS as a node does, and then something else.
std::string answer_to(const std::string& address, const std::string& ca_pem, std::string bytes) {
  io::Reactor reactor(io::Backend::kEpoll);
  const auto visit = [&]() -> io::Task<std::string> {
    const MonoTime deadline = reactor.in(10s);
    auto stream = co_await connect_control(address, resolve_control(address).value(), ca_pem, {}, deadline);
    if (!stream) co_return stream.error().message;
    (void)co_await (*stream)->write_all(bytes, 1s);
    std::string got(4'096, '\0');
    const auto size = co_await (*stream)->read(got, deadline);
    co_return size ? got.substr(0, *size) : size.error().message;
  };
  return reactor.block_on(visit());
}

TEST_F(NodeChannelTest, WhatIsNoFrameIsAnsweredWithTheReason) {
  start_server();
  EXPECT_NE(answer_to(address(), control.ca.certificate_pem, "GET / HTTP/1.1\r\n\r\n").find("not a frame"),
            std::string::npos);
  const std::string too_long("\x01\x01\x00\x01", 4);  // 65,537 bytes, before anybody is known
  EXPECT_NE(answer_to(address(), control.ca.certificate_pem, too_long).find("at most 65536"), std::string::npos);
  EXPECT_EQ(control.journal.all(), "");
}

TEST_F(NodeChannelTest, WhoSaysNothingIsShownTheDoor) {
  NodeServerOptions options;
  options.hello_timeout = 300ms;
  start_server(0, std::move(options));
  EXPECT_NE(answer_to(address(), control.ca.certificate_pem, "").find("no Hello in time"), std::string::npos);
}

TEST_F(NodeChannelTest, WhoIsCutOffWhileJoiningMayTryAgain) {
  NodeServerOptions options;
  options.max_unknown = 0;  // every connection is closed at once
  start_server(0, std::move(options));
  const auto identity = enrol({.control = address(), .token = token.text, .name = "n"});
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().code, Code::kUnavailable) << identity.error().message;
  EXPECT_TRUE(identity.error().retryable);
}

TEST_F(NodeChannelTest, StrangersAreBounded) {
  NodeServerOptions options;
  options.max_unknown = 0;
  start_server(0, std::move(options));
  client = connect(identity_from(control.ca, 5), node);
  EXPECT_TRUE(node.journal.wait_for("refused", 2)) << node.journal.all();
  EXPECT_EQ(control.journal.all(), "");
}

TEST_F(NodeChannelTest, ATakenPortIsSaid) {
  start_server();
  NodeServerOptions options;
  options.listen = address();
  options.server = make_server_certificate(control.ca, now(), 24h).value();
  options.ca_pem = control.ca.certificate_pem;
  const auto second = NodeServer::start(std::move(options), control);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace yz::rpc
