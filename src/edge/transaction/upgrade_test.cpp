#include "edge/upstream/testing.h"
#include "io/listener.h"
#include "io/tcp_stream.h"

namespace yz::edge::testing {
namespace {

/// An origin that agrees to speak "echo", and gives back what it gets until it gets no more.
class EchoOrigin {
 public:
  EchoOrigin() {
    thread_.run_and_wait([&](io::Reactor& reactor) {
      auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
      at = listener->local();
      reactor.spawn(serve(*this, std::move(*listener)));
    });
  }
  Endpoint at;
  std::mutex mutex;
  std::string request;

 private:
  static io::Task<void> serve(EchoOrigin& self, io::TcpListener listener) {
    for (;;) {
      auto stream = co_await listener.accept(io::kNoDeadline);
      if (!stream) co_return;
      std::string head;
      while (head.find("\r\n\r\n") == std::string::npos) {
        const std::string more = co_await net::testing::read_up_to(*stream, 1);
        if (more.empty()) break;
        head += more;
      }
      {
        const std::lock_guard lock(self.mutex);
        self.request = head;
      }
      const bool is_upgrade = head.find("Upgrade: echo\r\n") != std::string::npos;
      const std::string answer =
          is_upgrade ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly,"
                     : "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno";
      (void)co_await stream->write_all(answer, 5s);
      if (!is_upgrade) continue;
      std::array<char, 4096> buffer;
      for (;;) {
        const auto n = co_await stream->read(buffer, io::Reactor::current().in(10s));
        if (!n || *n == 0) break;
        if (!co_await stream->write_all(std::string_view(buffer.data(), *n), 5s)) break;
      }
      (void)co_await stream->write_all("bye", 5s);
    }
  }
  io::ReactorThread thread_{"echo"};
};

io::Task<std::string> converse(Endpoint at, std::string head, std::string said) {
  auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
  (void)co_await stream->write_all(head, 5s);
  std::string heard = co_await net::testing::read_up_to(*stream, 1);
  (void)co_await stream->write_all(said, 5s);
  stream->shutdown_write();
  heard += co_await net::testing::read_up_to(*stream, SIZE_MAX);
  co_return heard;
}

TEST_F(Origins, AnUpgradeCarriesBytesBothWaysUntilBothHaveEnded) {
  EchoOrigin origin;
  add(origin.at);
  start();
  io::Reactor reactor;
  const std::string said(300'000, 's');
  const std::string heard = reactor.block_on(
      converse(edge_->listening()[0],
               "GET /chat HTTP/1.1\r\nHost: www.a.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n"
               "Sec-WebSocket-Key: k\r\n\r\n",
               said));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 101 ")) << heard.substr(0, 200);
  const std::string head = heard.substr(0, heard.find("\r\n\r\n") + 2);
  EXPECT_NE(head.find("\r\nConnection: Upgrade\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("\r\nUpgrade: echo\r\n"), std::string::npos) << head;
  EXPECT_EQ(net::testing::body_of(heard), "early," + said + "bye");
  const std::lock_guard lock(origin.mutex);
  EXPECT_NE(origin.request.find("Connection: Upgrade\r\n"), std::string::npos) << origin.request;
  EXPECT_NE(origin.request.find("Sec-WebSocket-Key: k\r\n"), std::string::npos);
}

TEST_F(Origins, AnUpgradeTheOriginDeclinesIsAnOrdinaryAnswer) {
  EchoOrigin origin;
  add(origin.at);
  start();
  const Reply reply =
      ask(edge_->listening()[0], "GET", "/chat", "Connection: Upgrade\r\nUpgrade: other\r\n", "www.a.com");
  EXPECT_EQ(reply.status, 426);
  EXPECT_EQ(reply.body, "no");
}

TEST_F(Origins, TunnelsToElsewhereAreNotOffered) {
  EchoOrigin origin;
  add(origin.at);
  start();
  io::Reactor reactor;
  const std::string refused = reactor.block_on(net::testing::exchange_text(
      edge_->listening()[0], "CONNECT www.a.com:443 HTTP/1.1\r\nHost: www.a.com:443\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 405 ")) << refused;
}

}  // namespace
}  // namespace yz::edge::testing
