// A request on a connection taken from another reactor, beside one on a new connection: both with TLS, on loopback.
#include <condition_variable>
#include <mutex>

#include <benchmark/benchmark.h>

#include "io/reactor_thread.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/idle_board.h"
#include "net/self_signed.h"
#include "net/tls.h"

namespace yz::net {
namespace {

class Hello final : public HttpHandler {
 public:
  io::Task<void> handle(Exchange& exchange) override {
    (void)co_await exchange.respond_text(200, "text/plain", "hello");
  }
};

/// A TLS server on a thread of its own.
class Server {
 public:
  Server() {
    const SelfSigned pem = make_self_signed("DNS:a.example", std::chrono::hours(1)).value();
    auto identity = std::make_shared<TlsIdentity>();
    identity->certificates = {TlsCertificate::load(pem.chain_pem, pem.key_pem).value()};
    upstream.tls = true;
    upstream.tls_server_name = "a.example";
    upstream.tls_context = TlsClientContext::make(pem.chain_pem).value();
    thread_.run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<HttpServer>(reactor, hello_);
      auto tls = TlsServerContext::make([identity](std::string_view) { return identity; }).value();
      const Endpoint any{IpAddress::v4(0x7F000001), 0};
      upstream.endpoint = server_->listen_tls(any, std::move(tls)).value();
    });
  }
  ~Server() {
    thread_.run_and_wait([&](io::Reactor&) { server_.reset(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  Upstream upstream;

 private:
  Hello hello_;
  io::ReactorThread thread_{"server"};
  std::unique_ptr<HttpServer> server_;
};

/// A client on a thread of its own.
class Client {
 public:
  explicit Client(IdleBoard* board) {
    thread_.run_and_wait([&](io::Reactor& reactor) {
      HttpClient::Options options;
      if (board == nullptr) options.max_idle_per_upstream = 0;
      client_ = std::make_unique<HttpClient>(reactor, options);
      if (board != nullptr) client_->share(*board);
    });
  }
  ~Client() {
    thread_.run_and_wait([&](io::Reactor&) { client_.reset(); });
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void get(const Upstream& upstream) {
    is_done_ = false;
    thread_.reactor().post([&] { io::Reactor::current().spawn(fetch(*this, upstream)); });
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return is_done_; });
  }

 private:
  static io::Task<void> fetch(Client& self, Upstream upstream) {
    ClientRequest request;
    request.host = "a.example";
    auto response = co_await self.client_->send(std::move(upstream), std::move(request));
    if (response) (void)co_await response->read_all(100);
    const std::lock_guard lock(self.mutex_);
    self.is_done_ = true;
    self.done_.notify_one();
  }
  io::ReactorThread thread_{"client"};
  std::unique_ptr<HttpClient> client_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
};

void on_a_new_connection(benchmark::State& state) {
  Server server;
  Client a(nullptr), b(nullptr);
  for (auto _ : state) {
    a.get(server.upstream);
    b.get(server.upstream);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(on_a_new_connection)->MeasureProcessCPUTime()->UseRealTime();

void on_one_of_the_other_reactor(benchmark::State& state) {
  Server server;
  IdleBoard board;
  Client a(&board), b(&board);
  for (auto _ : state) {
    a.get(server.upstream);
    b.get(server.upstream);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(on_one_of_the_other_reactor)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace yz::net
