#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/reactor.h"
#include "io/tcp_stream.h"
#include "net/h2/frame.h"
#include "net/http_server.h"

using namespace std::chrono_literals;
using namespace yz;       // NOLINT(google-build-using-namespace)
using namespace yz::net;  // NOLINT(google-build-using-namespace)

namespace {

/// Takes every path through an exchange, by the request's path.
class Handler final : public HttpHandler {
 public:
  io::Task<void> handle(Exchange& exchange) override {
    const std::string_view path = exchange.request().path;
    const char what = path.size() > 1 ? path[1] : '0';
    if (what == 's') co_return;
    if (what == 'w') co_await io::sleep_for(2ms);
    if (what == 'a') {
      exchange.begin(200, {}, {10});
      (void)co_await exchange.send("abc");
      co_return exchange.abort();
    }
    if (what == 'e') {
      exchange.begin(200, {}, {});
      std::array<char, 100> buffer;
      while (true) {
        const auto n = co_await exchange.read_body(buffer);
        if (!n || *n == 0) break;
        const std::string_view piece(buffer.data(), *n);
        if (!co_await exchange.send(piece)) co_return;
      }
      (void)co_await exchange.finish();
      co_return;
    }
    if (what == 'b') {
      (void)co_await exchange.respond_text(200, "text/plain", std::string(100'000, 'x'));
      co_return;
    }
    const auto body = co_await exchange.read_body_all(1000);
    (void)co_await exchange.respond_text(body ? 200 : 413, "text/plain", body ? *body : "");
  }
};

struct World {
  World() { YZ_ASSERT(server.listen_unix("@yz-h2-fuzz-" + std::to_string(::getpid()))); }
  static HttpServerOptions options() {
    HttpServerOptions out;
    out.head_timeout = 20ms;
    out.idle_timeout = 20ms;
    out.body_grace = 20ms;
    out.h2.window_stall = 20ms;
    return out;
  }
  io::Reactor reactor;
  Handler handler;
  HttpServer server{reactor, handler, options()};
};

/// Sends all, then reads what comes until the server closes; the first byte says whether we close before that.
io::Task<void> play(std::string bytes, bool leaves) {
  auto stream = co_await io::connect_unix("@yz-h2-fuzz-" + std::to_string(::getpid()), io::Reactor::current().in(5s));
  YZ_ASSERT(stream.has_value());
  (void)co_await stream->write_all(bytes, 1s);
  if (leaves) stream->shutdown_write();
  std::array<char, 65536> buffer;
  while (true) {
    const auto n = co_await stream->read(buffer, io::Reactor::current().in(5s));
    YZ_ASSERT(n || n.error().code != Code::kTimeout);
    if (!n || *n == 0) co_return;
  }
}

io::Task<void> all_gone(HttpServer& server) {
  while (server.counts().connections > 0) co_await io::yield();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto world = std::make_unique<World>();
  if (size == 0) return 0;
  std::string bytes(h2::kClientPreface);
  bytes.append(std::string_view("\0\0\0\4\0\0\0\0\0", 9));
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  world->reactor.block_on(play(std::move(bytes), data[0] % 8 != 0));
  world->reactor.block_on(all_gone(world->server));
  YZ_ASSERT(world->server.counts().busy == 0);
  return 0;
}
