#include <array>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/backend.h"
#include "io/listener.h"
#include "io/reactor.h"
#include "io/tcp_stream.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

const Endpoint kAnyLoopback{IpAddress::v4(0x7F000001), 0};
constexpr auto kPatience = 10s;
constexpr int kConnections = 400;  // more than the ring has buffers

MonoTime soon() { return Reactor::current().in(kPatience); }

std::span<iovec> as_piece(iovec& piece, const std::string& text) {
  piece = {const_cast<char*>(text.data()), text.size()};
  return {&piece, 1};
}

/// Reads `size` bytes, waiting with the means of io_uring.
Task<std::string> read_message(TcpStream& stream, std::size_t size) {
  std::string out;
  std::array<char, 3000> buffer;
  while (out.size() < size) {
    stream.expect_messages();
    const auto n = co_await stream.read(buffer, soon());
    if (!n || *n == 0) break;
    out.append(buffer.data(), *n);
  }
  co_return out;
}

class UringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status offered = probe_uring();
    if (!offered) GTEST_SKIP() << offered.error().message;
    reactor_ = std::make_unique<Reactor>(Backend::kUring);
    ASSERT_EQ(reactor_->backend(), Backend::kUring);
    auto listener = TcpListener::bind(*reactor_, kAnyLoopback);
    ASSERT_TRUE(listener);
    listener_ = std::make_unique<TcpListener>(*std::move(listener));
    reactor_->block_on([](UringTest& test) -> Task<void> {
      auto client = co_await connect(test.listener_->local(), soon());
      EXPECT_TRUE(client);
      auto server = co_await test.listener_->accept(soon());
      EXPECT_TRUE(server);
      if (client && server) test.client_ = *std::move(client), test.server_ = *std::move(server);
    }(*this));
  }

  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<TcpListener> listener_;
  TcpStream client_;
  TcpStream server_;
};

TEST_F(UringTest, AcceptedConnectionsKnowTheirPeers) { EXPECT_EQ(server_.peer(), client_.local()); }

TEST_F(UringTest, MessagesGoThereAndBackManyTimes) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    iovec piece;
    for (int i = 0; i < 2000; ++i) {
      const std::string text = "message " + std::to_string(i);
      EXPECT_TRUE(co_await client.write_soon(as_piece(piece, text), 1s));
      EXPECT_EQ(co_await read_message(server, text.size()), text);
      EXPECT_TRUE(co_await server.write_soon(as_piece(piece, text), 1s));
      EXPECT_EQ(co_await read_message(client, text.size()), text);
    }
    EXPECT_EQ(client.bytes_written(), server.bytes_read());
  }(client_, server_));
}

TEST_F(UringTest, ShortSendsOfOneTurnGoOutInOrder) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    std::string all;
    iovec piece;
    for (int i = 0; i < 3000; ++i) {
      const std::string text = std::to_string(i) + ";";
      all += text;
      // Now and then one that cannot be put off.
      if (i % 7 == 0) {
        EXPECT_TRUE(co_await client.write_all(text, 1s));
      } else {
        EXPECT_TRUE(co_await client.write_soon(as_piece(piece, text), 1s));
      }
    }
    EXPECT_EQ(co_await read_message(server, all.size()), all);
  }(client_, server_));
}

TEST_F(UringTest, ASendThatTheSocketDoesNotTakeWholeArrivesWhenThereIsRoom) {
  const int small = 4096;
  ::setsockopt(client_.watch().fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  ::setsockopt(server_.watch().fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string expected;
  reactor_->spawn([](TcpStream& client, std::string& all) -> Task<void> {
    iovec piece;
    for (int i = 0; i < 40; ++i) {
      const std::string text(1000, static_cast<char>('a' + i % 26));
      all += text;
      EXPECT_TRUE(co_await client.write_soon(as_piece(piece, text), 5s));
    }
    client.close();  // what was taken still arrives
  }(client_, expected));
  const std::string got = reactor_->block_on([](TcpStream& server) -> Task<std::string> {
    co_await sleep_for(20ms);
    co_return co_await read_message(server, SIZE_MAX);
  }(server_));
  EXPECT_EQ(got.size(), expected.size());
  EXPECT_TRUE(got == expected);
}

TEST_F(UringTest, WhatWasTakenLeavesBeforeTheEnd) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    const std::string text = "last words";
    iovec piece;
    EXPECT_TRUE(co_await client.write_soon(as_piece(piece, text), 1s));
    client.shutdown_write();
    EXPECT_EQ(co_await read_message(server, SIZE_MAX), text);
    EXPECT_TRUE(co_await server.write_soon(as_piece(piece, text), 1s));
    server.close();
    EXPECT_EQ(co_await read_message(client, SIZE_MAX), text);
  }(client_, server_));
}

TEST_F(UringTest, AFloodIsReadDirectlyAfterAFewBuffersAndLosesNothing) {
  std::string text(3 << 20, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  reactor_->spawn([](TcpStream& client, const std::string& all) -> Task<void> {
    EXPECT_TRUE(co_await client.write_all(all, 5s));
    client.close();
  }(client_, text));
  const std::string got = reactor_->block_on([](TcpStream& server) -> Task<std::string> {
    std::array<char, 1> first;
    server.expect_messages();
    EXPECT_EQ(*co_await server.read(first, soon()), 1U);
    co_await sleep_for(5ms);  // it piles up meanwhile
    std::string out(first.data(), 1);
    out += co_await read_message(server, SIZE_MAX);
    co_return out;
  }(server_));
  EXPECT_EQ(got.size(), text.size());
  EXPECT_TRUE(got == text);
}

TEST_F(UringTest, WhatTheSocketHoldsBehindTheBuffersIsReadThoughReadinessWasToldBefore) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    // A write that has to wait makes the stream listen for readiness from here on.
    const std::string filling(16 << 20, 'x');
    EXPECT_EQ((co_await server.write_all(filling, 20ms)).error().code, Code::kTimeout);
    const std::string text(700'000, 'y');  // more than all buffers
    std::string got(text.size(), '\0');
    server.expect_messages();
    EXPECT_EQ((co_await server.read(got, Reactor::current().in(5ms))).error().code, Code::kTimeout);
    EXPECT_TRUE(co_await client.write_all(text, 1s));
    co_await sleep_for(20ms);  // it fills its buffers, is received ahead no more, and the rest stays in the socket
    for (std::size_t size = 0; size < text.size();) {
      const auto n = co_await server.read(std::span(got).subspan(size), Reactor::current().in(1s));
      EXPECT_TRUE(n && *n > 0);
      if (!n || *n == 0) break;
      size += *n;
    }
    EXPECT_TRUE(got == text);
  }(client_, server_));
}

TEST_F(UringTest, MoreConnectionsThanBuffersAllGetTheirBytes) {
  reactor_->block_on([](TcpListener& listener) -> Task<void> {
    std::vector<TcpStream> clients;
    std::vector<TcpStream> servers;
    for (int i = 0; i < kConnections; ++i) {
      clients.push_back(std::move(co_await connect(listener.local(), soon())).value());
      servers.push_back(std::move(co_await listener.accept(soon())).value());
    }
    // All receives run before the first byte comes, and nobody reads in between.
    TaskScope scope;
    int done = 0;
    for (TcpStream& server : servers) {
      Reactor::current().spawn_into(scope, [](TcpStream& stream, int& count) -> Task<void> {
        EXPECT_EQ((co_await read_message(stream, 3000)).size(), 3000U);
        ++count;
      }(server, done));
    }
    const std::string text(3000, 'x');
    for (TcpStream& client : clients) EXPECT_TRUE(co_await client.write_all(text, 1s));
    for (int i = 0; i < 500 && done < kConnections; ++i) co_await sleep_for(10ms);
    EXPECT_EQ(done, kConnections);
  }(*listener_));
}

TEST_F(UringTest, AnIdleConnectionLearnsOfTheEndAndOfAReset) {
  reactor_->block_on([](TcpListener& listener, TcpStream& client, TcpStream& server) -> Task<void> {
    std::array<char, 16> buffer;
    server.expect_messages();
    EXPECT_EQ((co_await server.read(buffer, Reactor::current().in(5ms))).error().code, Code::kTimeout);
    client.close();
    EXPECT_EQ(*co_await server.read(buffer, soon()), 0U);
    auto other = co_await connect(listener.local(), soon());
    auto accepted = co_await listener.accept(soon());
    accepted->expect_messages();
    EXPECT_EQ((co_await accepted->read(buffer, Reactor::current().in(5ms))).error().code, Code::kTimeout);
    other->reset_connection();
    EXPECT_EQ((co_await accepted->read(buffer, soon())).error().code, Code::kUnavailable);
  }(*listener_, client_, server_));
}

TEST_F(UringTest, AnEndSeenByReadinessFirstIsNoReasonToSpin) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    // A write that has to wait makes the stream listen for readiness as well.
    const std::string text(16 << 20, 'x');
    EXPECT_EQ((co_await server.write_all(text, 20ms)).error().code, Code::kTimeout);
    std::array<char, 16> buffer;
    server.expect_messages();
    EXPECT_FALSE(server.read_now(buffer));
    EXPECT_FALSE(co_await server.readable(Reactor::current().in(5ms)));
    client.shutdown_write();
    for (int tries = 0;; ++tries) {
      server.expect_messages();
      EXPECT_TRUE(co_await server.readable(soon()));
      EXPECT_LT(tries, 10);
      if (const auto n = server.read_now(buffer); n || tries > 10) {
        EXPECT_TRUE(n && *n && **n == 0);
        break;
      }
    }
  }(client_, server_));
}

TEST_F(UringTest, ClosingAStreamThatReceivesShowsThePeerTheEnd) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    std::array<char, 16> buffer;
    server.expect_messages();
    EXPECT_EQ((co_await server.read(buffer, Reactor::current().in(5ms))).error().code, Code::kTimeout);
    server.close();
    EXPECT_EQ(*co_await client.read(buffer, soon()), 0U);
  }(client_, server_));
}

TEST_F(UringTest, AFailedSendShowsAtTheNextOperation) {
  reactor_->block_on([](TcpStream& client, TcpStream& server) -> Task<void> {
    client.reset_connection();
    const std::string text = "hello";
    iovec piece;
    Status status;
    for (int i = 0; i < 10 && status; ++i) {
      status = co_await server.write_soon(as_piece(piece, text), 1s);
      co_await sleep_for(1ms);
    }
    EXPECT_EQ(status.error().code, Code::kUnavailable);
  }(client_, server_));
}

TEST_F(UringTest, AReactorMadeOnOneThreadMayRunOnAnother) {
  Reactor reactor(Backend::kUring);
  auto listener = TcpListener::bind(reactor, kAnyLoopback);
  ASSERT_TRUE(listener);
  std::string got;
  reactor.spawn([](TcpListener& from, std::string& out) -> Task<void> {
    auto stream = co_await from.accept(kNoDeadline);
    out = co_await read_message(*stream, 5);
    Reactor::current().stop();
  }(*listener, got));
  std::thread runner([&] { reactor.run(); });
  reactor_->block_on([](Endpoint at) -> Task<void> {
    auto stream = co_await connect(at, soon());
    EXPECT_TRUE(co_await stream->write_all("hello", 1s));
    std::array<char, 1> byte;
    (void)co_await stream->read(byte, soon());
  }(listener->local()));
  runner.join();
  EXPECT_EQ(got, "hello");
}

TEST(BackendTest, TheOneThatIsAskedForIsUsedWhereTheKernelAllowsIt) {
  EXPECT_EQ(Reactor(Backend::kEpoll).backend(), Backend::kEpoll);
  EXPECT_EQ(Reactor(Backend::kUring).backend(), fastest_backend());
}

}  // namespace
}  // namespace yz::io
