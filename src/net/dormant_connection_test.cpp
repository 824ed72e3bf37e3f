#include "net/dormant_connection.h"

#include "net/test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::body_of;
using testing::exchange_text;
using testing::FunctionHandler;
using testing::kAnyLoopback;

constexpr std::string_view kRequest = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

/// A client and a server on one reactor; the server keeps no session of a connection that is idle for a millisecond.
class DormantConnectionTest : public ::testing::Test {
 protected:
  static HttpServerOptions sleepy(std::chrono::milliseconds idle_timeout) {
    HttpServerOptions options;
    options.doze_after = 1ms;
    options.idle_timeout = idle_timeout;
    options.max_connections = 3;
    options.max_requests = 3;
    return options;
  }
  explicit DormantConnectionTest(std::chrono::milliseconds idle_timeout = 10s)
      : server_(reactor_, handler_, sleepy(idle_timeout)), at_(server_.listen(kAnyLoopback).value()) {}

  /// One request on a connection that stays open; waits until the server has put it to sleep.
  static io::Task<io::TcpStream> ask_and_wait(HttpServer& server, Endpoint at) {
    auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
    const std::size_t before = server.counts().dormant;
    (void)co_await stream->write_all(kRequest, 1s);
    (void)co_await testing::read_up_to(*stream, 1);
    while (server.counts().dormant == before) co_await io::sleep_for(1ms);
    co_return std::move(*stream);
  }

  io::Reactor reactor_;
  FunctionHandler handler_{[](Exchange& exchange) -> io::Task<void> {
    const auto body = co_await exchange.read_body_all(1000);
    (void)co_await exchange.respond_text(200, "text/plain", body.value_or("broken"));
  }};
  HttpServer server_;
  Endpoint at_;
};

TEST_F(DormantConnectionTest, IsServedWhenItsClientSpeaksAgainAndItsRequestsAreCountedOn) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    io::TcpStream stream = co_await ask_and_wait(server, at);
    EXPECT_EQ(server.counts().connections, 1U);
    // In two pieces: the session that wakes has to wait for the second.
    (void)co_await stream.write_all("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n", 1s);
    co_await io::sleep_for(5ms);
    (void)co_await stream.write_all("\r\nabc", 1s);
    const std::string second = co_await testing::read_up_to(stream, 1);
    EXPECT_EQ(body_of(second), "abc");
    while (server.counts().dormant == 0) co_await io::sleep_for(1ms);
    (void)co_await stream.write_all(kRequest, 1s);
    const std::string third = co_await testing::read_up_to(stream, SIZE_MAX);
    EXPECT_EQ(testing::count_of(third, "Connection: close"), 1U) << "the third is the last one allowed";
    EXPECT_EQ(server.counts().requests, 3U);
    while (server.counts().connections > 0) co_await io::sleep_for(1ms);
  }(server_, at_));
}

TEST_F(DormantConnectionTest, EndsWithItsClient) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    {
      const io::TcpStream stream = co_await ask_and_wait(server, at);
    }
    while (server.counts().connections > 0) co_await io::sleep_for(1ms);
    EXPECT_EQ(server.counts().dormant, 0U);
  }(server_, at_));
}

TEST_F(DormantConnectionTest, MakesRoomForAnotherAtTheLimit) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    std::vector<io::TcpStream> asleep;
    for (int i = 0; i < 3; ++i) asleep.push_back(co_await ask_and_wait(server, at));
    EXPECT_EQ(server.counts().connections, 3U);
    asleep.push_back(co_await ask_and_wait(server, at));
    EXPECT_EQ(server.counts().connections, 3U);
    const std::string cut = co_await testing::read_up_to(asleep[2], SIZE_MAX);
    EXPECT_EQ(cut, "") << "the one that became idle last";
  }(server_, at_));
}

TEST_F(DormantConnectionTest, IsClosedByADrainingServer) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    io::TcpStream stream = co_await ask_and_wait(server, at);
    co_await server.drain(io::Reactor::current().in(5s));
    EXPECT_EQ(server.counts().connections, 0U);
    EXPECT_EQ(co_await testing::read_up_to(stream, SIZE_MAX), "");
  }(server_, at_));
}

TEST_F(DormantConnectionTest, EndsWithItsServer) {
  io::TcpStream stream;
  {
    HttpServer other(reactor_, handler_, sleepy(10s));
    const Endpoint at = other.listen(kAnyLoopback).value();
    stream = reactor_.block_on(ask_and_wait(other, at));
  }
  EXPECT_EQ(reactor_.block_on(testing::read_up_to(stream, SIZE_MAX)), "");
}

class ImpatientDormantConnectionTest : public DormantConnectionTest {
 protected:
  ImpatientDormantConnectionTest() : DormantConnectionTest(30ms) {}
};

TEST_F(ImpatientDormantConnectionTest, IsClosedWhenItsTimeIsOver) {
  reactor_.block_on([](HttpServer& server, Endpoint at) -> io::Task<void> {
    io::TcpStream stream = co_await ask_and_wait(server, at);
    EXPECT_EQ(co_await testing::read_up_to(stream, SIZE_MAX), "");
    EXPECT_EQ(server.counts().connections, 0U);
  }(server_, at_));
}

}  // namespace
}  // namespace yz::net
