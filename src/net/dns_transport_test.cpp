#include <string>

#include "net/dns_tcp.h"
#include "net/dns_udp.h"
#include "net/test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::kAnyLoopback;

/// Answers "re:" + query + the transport; nothing to "silence".
class EchoHandler final : public DnsHandler {
 public:
  std::size_t answer(std::string_view query, const Endpoint& client, DnsTransport transport,
                     std::span<char> reply) override {
    EXPECT_TRUE(client.address.is_loopback());
    if (query == "silence") return 0;
    const std::string text = "re:" + std::string(query) + (transport == DnsTransport::kTcp ? ":tcp" : ":udp");
    return text.copy(reply.data(), reply.size());
  }
};

std::string framed(std::string_view message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xff)}.append(message);
}

TEST(DnsUdpServer, AnswersOnAllItsThreadsAndStops) {
  DnsUdpServer::Options options;
  options.threads = 2;
  auto server = DnsUdpServer::start(kAnyLoopback, options, [](unsigned) { return std::make_unique<EchoHandler>(); });
  ASSERT_TRUE(server) << server.error().message;
  io::UdpSocket::Options blocking;
  blocking.non_blocking = false;
  for (int i = 0; i < 20; ++i) {
    auto client = io::UdpSocket::bind(kAnyLoopback, blocking);
    ASSERT_TRUE(client);
    ASSERT_TRUE(client->send_to((*server)->local(), "silence"));
    ASSERT_TRUE(client->send_to((*server)->local(), "query" + std::to_string(i)));
    io::UdpBatch batch(4, 512);
    ASSERT_EQ(*client->receive(batch), 1U);
    EXPECT_EQ(batch.payload(0), "re:query" + std::to_string(i) + ":udp");
  }
  (*server).reset();
}

class DnsTcpServerTest : public ::testing::Test {
 protected:
  static DnsTcpServer::Options options() {
    DnsTcpServer::Options out;
    out.idle_timeout = 40ms;
    out.query_timeout = 40ms;
    out.max_connections = 2;
    return out;
  }
  std::string ask(std::string bytes) { return reactor_.block_on(testing::exchange_text(at_, std::move(bytes))); }

  io::Reactor reactor_;
  EchoHandler handler_;
  DnsTcpServer server_{reactor_, handler_, options()};
  Endpoint at_ = server_.listen(kAnyLoopback).value();
};

TEST_F(DnsTcpServerTest, AnswersPipelinedQueriesInOrderAndClosesIdleConnections) {
  const std::string large(60'000, 'q');
  EXPECT_EQ(ask(framed("a") + framed("silence") + framed("bc") + framed(large)),
            framed("re:a:tcp") + framed("re:bc:tcp") + framed("re:" + large + ":tcp"));
}

TEST_F(DnsTcpServerTest, AQueryThatNeverEndsIsGivenUp) {
  EXPECT_EQ(ask(framed("a") + std::string("\x01\x00xyz", 5)), framed("re:a:tcp"));
  EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(DnsTcpServerTest, AnswersAQueryThatComesByteByByte) {
  const std::string got = reactor_.block_on([](Endpoint at) -> io::Task<std::string> {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    const std::string query = framed("drip");
    for (const char& c : query) {
      EXPECT_TRUE(co_await stream->write_all(std::string_view(&c, 1), 1s));
      co_await io::yield();
    }
    co_return co_await testing::read_up_to(*stream, 13);
  }(at_));
  EXPECT_EQ(got, framed("re:drip:tcp"));
}

}  // namespace
}  // namespace yz::net
