#include "net/accept_balance.h"

#include <array>
#include <optional>
#include <thread>
#include <vector>

#include "io/reactor_thread.h"
#include "net/http_server.h"
#include "net/test_support.h"
#include "net/tls.h"
#include "net/tls_test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Three servers that share their connections. Each listens on ports of its own, so that it is known who accepts.
class AcceptBalanceTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kServers = 3;
  struct Server {
    std::optional<io::ReactorThread> thread;
    std::optional<HttpServer> http;  // its thread's
    Endpoint plain;
    Endpoint tls;
  };

  AcceptBalanceTest() {
    const auto pem = testing::make_certificate("DNS:a.test");
    const std::shared_ptr<const TlsCertificate> certificate = TlsCertificate::load(pem.chain_pem, pem.key_pem).value();
    const auto identity = std::make_shared<const TlsIdentity>(TlsIdentity{{certificate}, TlsVersion::kTls12});
    tls_ = TlsServerContext::make([identity](std::string_view) { return identity; }, {}).value();
    for (std::size_t i = 0; i < kServers; ++i) {
      Server& server = servers_[i];
      server.thread.emplace("server-" + std::to_string(i));
      server.thread->run_and_wait([&](io::Reactor& reactor) {
        server.http.emplace(reactor, handler_);
        server.plain = server.http->listen(kAnyLoopback).value();
        server.tls = server.http->listen_tls(kAnyLoopback, tls_).value();
        server.http->share_connections(balance_, i);
      });
    }
  }
  ~AcceptBalanceTest() override {
    for (std::size_t i = 0; i < kServers; ++i) stop(i);
  }

  void stop(std::size_t i) {
    if (!servers_[i].thread) return;
    servers_[i].thread->run_and_wait([&](io::Reactor&) { servers_[i].http.reset(); });
    servers_[i].thread.reset();
  }
  HttpServer::Counts counts(std::size_t i) {
    HttpServer::Counts out;
    servers_[i].thread->run_and_wait([&](io::Reactor&) { out = servers_[i].http->counts(); });
    return out;
  }
  /// Opens connections that each ask once and stay.
  void open(const Endpoint& at, std::size_t count) {
    reactor_.block_on([](const Endpoint& to, std::size_t more, std::vector<io::TcpStream>& kept) -> io::Task<void> {
      for (std::size_t i = 0; i < more; ++i) {
        auto stream = co_await io::connect(to, io::Reactor::current().in(5s));
        EXPECT_TRUE(stream);
        if (!stream) co_return;
        EXPECT_TRUE(co_await stream->write_all(kRequest, 5s));
        const std::string answer = co_await testing::read_up_to(*stream, 1);
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
        kept.push_back(*std::move(stream));
      }
    }(at, count, kept_));
  }

  FunctionHandler handler_{
      [](Exchange& exchange) -> io::Task<void> { (void)co_await exchange.respond_text(200, "text/plain", "here"); }};
  std::shared_ptr<TlsServerContext> tls_;
  std::shared_ptr<AcceptBalance> balance_ = std::make_shared<AcceptBalance>(kServers);
  std::array<Server, kServers> servers_;
  io::Reactor reactor_;
  std::vector<io::TcpStream> kept_;
};

TEST_F(AcceptBalanceTest, SharesWhatOneAccepts) {
  open(servers_[0].plain, 60);
  for (std::size_t i = 0; i < kServers; ++i) {
    EXPECT_NEAR(static_cast<double>(counts(i).connections), 20, 4) << i;
    EXPECT_EQ(counts(i).connections, static_cast<std::size_t>(balance_->connections(i))) << i;
  }
  EXPECT_EQ(counts(0).accepted, 60U);
  EXPECT_EQ(counts(0).given, counts(1).connections + counts(2).connections);
  EXPECT_EQ(counts(1).given + counts(2).given, 0U);
}

TEST_F(AcceptBalanceTest, LeavesSmallDifferencesAlone) {
  open(servers_[0].plain, 2);
  open(servers_[1].plain, 2);
  open(servers_[2].plain, 2);
  for (std::size_t i = 0; i < kServers; ++i) {
    EXPECT_EQ(counts(i).connections, 2U) << i;
    EXPECT_EQ(counts(i).given, 0U) << i;
  }
}

TEST_F(AcceptBalanceTest, CountsThemOutWhereTheyLive) {
  open(servers_[0].plain, 30);
  kept_.clear();
  const auto is_empty = [&](std::size_t i) { return counts(i).connections == 0 && balance_->connections(i) == 0; };
  for (std::size_t i = 0; i < kServers; ++i) {
    for (int waited = 0; waited < 500 && !is_empty(i); ++waited) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(is_empty(i)) << i;
  }
}

TEST_F(AcceptBalanceTest, GivesTlsToTheListenerForIt) {
  constexpr int kBusy = 10;
  balance_->add(0, kBusy);
  for (std::uint64_t i = 1; i <= 6; ++i) {
    const testing::Probed probed = testing::probe(servers_[0].tls);
    EXPECT_TRUE(probed.answer.starts_with("HTTP/1.1 200 OK\r\n")) << probed.error << probed.answer;
    EXPECT_EQ(counts(0).given, i);
    EXPECT_EQ(counts(1).tls_full + counts(2).tls_full, i);
  }
  balance_->add(0, -kBusy);
}

TEST_F(AcceptBalanceTest, GivesNothingToOneThatIsGone) {
  stop(1);
  stop(2);
  open(servers_[0].plain, 20);
  EXPECT_EQ(counts(0).connections, 20U);
  EXPECT_EQ(counts(0).given, 0U);
}

TEST_F(AcceptBalanceTest, GivesNothingToOneThatDrains) {
  servers_[1].thread->run_and_wait([&](io::Reactor& reactor) {
    reactor.spawn([](HttpServer& server, MonoTime deadline) -> io::Task<void> { co_await server.drain(deadline); }(
                                                                *servers_[1].http, reactor.in(5s)));
  });
  open(servers_[0].plain, 20);
  EXPECT_EQ(counts(1).connections, 0U);
  EXPECT_NEAR(static_cast<double>(counts(2).connections), 10, 4);
}

}  // namespace
}  // namespace yz::net
