#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "net/h2/session.h"
#include "net/h2/test_client.h"
#include "net/test_support.h"

namespace yz::net::h2::testing {

inline std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * 7 % 26);
  return out;
}

/// What the handler below saw and does; one per test.
struct Site {
  std::string big = pattern(300'000);
  int handled = 0;
  int destroyed = 0;  // handlers that ended, or were destroyed while they waited
  std::string seen;   // of the last request
};

struct CountsEnd {
  explicit CountsEnd(Site& s) : site(s) {}
  ~CountsEnd() { ++site.destroyed; }
  Site& site;
};

inline io::Task<void> echo_slowly(Exchange& exchange) {
  exchange.begin(200, {}, {});
  std::array<char, 10'000> buffer;
  while (true) {
    const auto n = co_await exchange.read_body(buffer);
    if (!n || *n == 0) break;
    const std::string_view piece(buffer.data(), *n);
    if (!co_await exchange.send(piece)) co_return;
  }
  (void)co_await exchange.finish();
}

inline io::Task<void> answer(Site& site, Exchange& exchange) {
  const CountsEnd counted(site);
  ++site.handled;
  const http::RequestHead& head = exchange.request();
  site.seen = std::string(head.method_text) + " " + std::string(head.host) + " " + std::string(head.target);
  for (const http::Field& field : http::Fields(head.fields)) {
    site.seen.append("|").append(field.name).append("=").append(field.value);
  }
  if (head.path == "/big") {
    const std::string_view head_text = "HTTP/1.1 200 OK\r\nX-Name: value\r\nContent-Length: 300000\r\n";
    const iovec head_piece{const_cast<char*>(head_text.data()), head_text.size()};
    const iovec piece{site.big.data(), site.big.size()};
    (void)co_await exchange.respond_raw(200, {&head_piece, 1}, {&piece, 1});
    co_return;
  }
  if (head.path == "/echo") co_return co_await echo_slowly(exchange);
  if (head.path == "/silent") co_return;
  if (head.path == "/unread") {
    (void)co_await exchange.respond_text(403, "text/plain", "no");
    co_return;
  }
  if (head.path == "/wait") co_await io::sleep_for(std::chrono::seconds(60));
  if (head.path == "/soon") co_await io::sleep_for(std::chrono::milliseconds(20));
  if (head.path == "/abort") {
    exchange.begin(200, {}, {100});
    (void)co_await exchange.send("part");
    co_return exchange.abort();
  }
  if (head.path == "/empty") {
    (void)co_await exchange.respond(204, {}, "");
    co_return;
  }
  const auto body = co_await exchange.read_body_all(1 << 20);
  if (!body) co_return exchange.abort();
  (void)co_await exchange.respond_text(200, "text/plain", std::string(head.path) + " " + *body);
}

/// A server on this thread's reactor, and clients that speak frames to it.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { start({}); }

  void start(HttpServerOptions options) {
    server_.reset();
    server_ = std::make_unique<HttpServer>(reactor_, handler_, options);
    at_ = server_->listen(net::testing::kAnyLoopback).value();
  }
  template <typename Play>
  void play(Play&& play) {
    reactor_.block_on(play(at_));
  }
  [[nodiscard]] std::uint64_t floods(Flood kind) const {
    return server_->counts().h2.floods[static_cast<std::size_t>(kind)];
  }

  io::Reactor reactor_;
  Site site_;
  net::testing::FunctionHandler handler_{[this](Exchange& exchange) { return answer(site_, exchange); }};
  std::unique_ptr<HttpServer> server_;
  Endpoint at_;
};

}  // namespace yz::net::h2::testing
