#include <string>

#include <benchmark/benchmark.h>

#include "io/tcp_stream.h"
#include "net/h2/head_encoder.h"
#include "net/http_server.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;

/// Answers every request with the same serialised head and body, as a cache hit does.
class FixedAnswer final : public HttpHandler {
 public:
  explicit FixedAnswer(std::size_t size) : body_(size, 'x') {
    head_ = "HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: " + std::to_string(size) + "\r\n";
  }
  io::Task<void> handle(Exchange& exchange) override {
    const iovec head{head_.data(), head_.size()};
    const iovec body{body_.data(), body_.size()};
    (void)co_await exchange.respond_raw(200, {&head, 1}, {&body, 1});
  }
  [[nodiscard]] std::size_t wire_size() const { return head_.size() + 2 + body_.size(); }

 private:
  std::string head_;
  std::string body_;
};

io::Task<void> ask(benchmark::State& state, Endpoint at, int pipelined, std::size_t answer_size) {
  auto stream = co_await io::connect(at, io::Reactor::current().in(5s));
  if (!stream) co_return state.SkipWithError("cannot connect");
  std::string requests;
  for (int i = 0; i < pipelined; ++i) requests += "GET /object HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n\r\n";
  std::string buffer(256 * 1024, '\0');
  for (auto _ : state) {
    (void)co_await stream->write_all(requests, 5s);
    for (std::size_t left = answer_size * static_cast<std::size_t>(pipelined); left > 0;) {
      const auto n = co_await stream->read(buffer, io::Reactor::current().in(5s));
      if (!n || *n == 0) co_return state.SkipWithError("connection lost");
      left -= *n;
    }
  }
  state.SetItemsProcessed(state.iterations() * pipelined);
}

/// Client and server on one reactor over loopback. Arguments: body bytes, requests sent at once.
void BM_KeepAliveRequest(benchmark::State& state) {
  io::Reactor reactor;
  FixedAnswer handler(static_cast<std::size_t>(state.range(0)));
  HttpServerOptions options;
  options.max_requests = UINT64_MAX;
  HttpServer server(reactor, handler, options);
  const Endpoint at = server.listen({IpAddress::v4(0x7F000001), 0}).value();
  reactor.block_on(ask(state, at, static_cast<int>(state.range(1)), handler.wire_size()));
}
BENCHMARK(BM_KeepAliveRequest)->Args({1024, 1})->Args({1024, 32})->Args({100 * 1024, 1});

/// A stored head of ordinary size, as HPACK.
void BM_EncodeHead(benchmark::State& state) {
  std::string head =
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 06:46:15 GMT\r\n"
      "Content-Type: application/octet-stream\r\nLast-Modified: Sat, 21 Nov 2026 06:46:13 GMT\r\n"
      "ETag: \"6b013e35-400\"\r\nCache-Control: max-age=36000\r\nAccept-Ranges: bytes\r\nVia: 1.1 yizhan\r\n"
      "Age: 5\r\nCache-Status: yizhan; hit; ttl=35995\r\nContent-Length: 1024\r\n";
  const iovec piece{head.data(), head.size()};
  std::string out(h2::encoded_bound({&piece, 1}), '\0');
  for (auto _ : state) {
    char* end = h2::encode_status(out.data(), 200);
    benchmark::DoNotOptimize(h2::encode_lines(end, head));
  }
}
BENCHMARK(BM_EncodeHead);

}  // namespace
}  // namespace yz::net
