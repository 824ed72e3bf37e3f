#include "net/idle_board.h"

#include <atomic>

#include <gtest/gtest.h>

#include "io/reactor_thread.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/self_signed.h"
#include "net/test_support.h"
#include "net/tls.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;

/// Two reactors with a client each before one TLS server.
class IdleBoardTest : public ::testing::Test {
 protected:
  struct Side {
    explicit Side(IdleBoard& board, const HttpClient::Options& options = {}) : thread("client") {
      thread.run_and_wait([&](io::Reactor& reactor) {
        client = std::make_unique<HttpClient>(reactor, options);
        client->share(board);
      });
    }
    ~Side() {
      thread.run_and_wait([&](io::Reactor&) { client.reset(); });
    }
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    io::ReactorThread thread;
    std::unique_ptr<HttpClient> client;
  };

  IdleBoardTest() {
    const SelfSigned pem = make_self_signed("DNS:a.example", 1h).value();
    auto identity = std::make_shared<TlsIdentity>();
    identity->certificates = {TlsCertificate::load(pem.chain_pem, pem.key_pem).value()};
    server_thread_.run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<HttpServer>(reactor, handler_);
      auto tls = TlsServerContext::make([identity](std::string_view) { return identity; }).value();
      upstream_.endpoint = server_->listen_tls(kAnyLoopback, std::move(tls)).value();
    });
    upstream_.tls = true;
    upstream_.tls_server_name = "a.example";
    upstream_.tls_context = TlsClientContext::make(pem.chain_pem).value();
  }
  ~IdleBoardTest() override {
    server_thread_.run_and_wait([&](io::Reactor&) { server_.reset(); });
  }

  static io::Task<void> fetch(HttpClient& client, Upstream upstream, std::string& body, std::atomic<int>& done) {
    ClientRequest request;
    request.host = "a.example";
    auto response = co_await client.send(std::move(upstream), std::move(request));
    if (response) {
      body = (co_await response->read_all(1000)).value_or("broken off");
    } else {
      body = response.error().message;
    }
    ++done;
  }
  /// Asks from one side, and waits.
  std::string get(Side& side) {
    std::string body;
    std::atomic<int> done{0};
    side.thread.run_and_wait([&](io::Reactor& reactor) { reactor.spawn(fetch(*side.client, upstream_, body, done)); });
    for (int i = 0; i < 10'000 && done == 0; ++i) std::this_thread::sleep_for(1ms);
    return body;
  }
  HttpClient::Counts counts(Side& side) {
    HttpClient::Counts out;
    side.thread.run_and_wait([&](io::Reactor&) { out = side.client->counts(); });
    return out;
  }

  FunctionHandler handler_{
      [](Exchange& exchange) -> io::Task<void> { (void)co_await exchange.respond_text(200, "text/plain", "hello"); }};
  io::ReactorThread server_thread_{"server"};
  std::unique_ptr<HttpServer> server_;
  Upstream upstream_;
  IdleBoard board_;
};

TEST_F(IdleBoardTest, AnIdleConnectionOfAnotherReactorIsTakenAndServesOn) {
  HttpClient::Options patient;
  patient.ask_patience = 10s;  // the machine may be busy elsewhere
  Side a(board_, patient), b(board_, patient);
  EXPECT_EQ(get(a), "hello");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get(b), "hello");
    EXPECT_EQ(get(a), "hello");
  }
  EXPECT_EQ(counts(a).connects + counts(b).connects, 1U);
  EXPECT_EQ(counts(a).taken, 3U);
  EXPECT_EQ(counts(b).taken, 3U);
}

TEST_F(IdleBoardTest, ABusyReactorIsNotWaitedForAndItsConnectionIsNotLost) {
  Side a(board_), b(board_);
  EXPECT_EQ(get(a), "hello");
  std::atomic<bool> may_go_on{false};
  a.thread.reactor().post([&] {
    while (!may_go_on) std::this_thread::sleep_for(1ms);
  });
  EXPECT_EQ(get(b), "hello");
  EXPECT_EQ(counts(b).connects, 1U);
  may_go_on = true;
  EXPECT_EQ(counts(a).connects, 1U);
  std::size_t idle = 0;
  for (int i = 0; i < 5000 && idle < 2; ++i) {
    b.thread.run_and_wait([&](io::Reactor&) { idle = b.client->idle_connections(); });
  }
  EXPECT_EQ(idle, 2U) << "its own, and the one that came late";
}

TEST_F(IdleBoardTest, AMemberThatIsGoneIsNotAsked) {
  Side a(board_);
  {
    Side b(board_);
    EXPECT_EQ(get(b), "hello");
  }
  EXPECT_EQ(get(a), "hello");
  EXPECT_EQ(counts(a).connects, 1U);
}

}  // namespace
}  // namespace yz::net
