#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "edge/edge_server.h"
#include "http/chunked.h"
#include "io/reactor_thread.h"
#include "net/http_server.h"
#include "net/test_support.h"

namespace yz::edge::testing {

/// A response as a client read it from the wire.
struct Reply {
  int status = 0;
  std::string head;
  std::string body;

  [[nodiscard]] std::string field(std::string_view name) const {
    const std::string needle = "\r\n" + std::string(name) + ": ";
    const auto at = head.find(needle);
    if (at == std::string::npos) return "";
    const auto from = at + needle.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }

  /// True when the cache nearest to the client says so (RFC 9211: the last Cache-Status).
  [[nodiscard]] bool is_hit() const {
    const auto at = head.rfind("\r\nCache-Status: ");
    return at != std::string::npos &&
           head.substr(at, head.find("\r\n", at + 2) - at).find("; hit") != std::string::npos;
  }
};

inline Reply parse_reply(const std::string& text) {
  Reply reply;
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return reply;
  reply.status = std::stoi(text.substr(9, 3));
  reply.head = text.substr(0, end + 2);
  reply.body = text.substr(end + 4);
  if (reply.head.find("Transfer-Encoding: chunked") != std::string::npos) {
    std::string plain;
    http::ChunkedDecoder decoder;
    std::string_view rest = reply.body;
    for (auto step = decoder.decode(rest);; step = decoder.decode(rest)) {
      plain += step.data;
      rest.remove_prefix(step.consumed);
      if (step.state != http::ChunkedDecoder::State::kMore || step.consumed == 0) break;
    }
    reply.body = plain;
  }
  return reply;
}

/// One request on a connection of its own, from a thread without a reactor.
inline Reply ask(const Endpoint& server, std::string_view method, std::string_view target, std::string_view fields = "",
                 std::string_view host = "a.test", std::string_view body = "") {
  std::string request = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
                        "\r\nConnection: close\r\n" + std::string(fields);
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + std::string(body);
  io::Reactor reactor;
  return parse_reply(reactor.block_on(net::testing::exchange_text(server, request)));
}

/// An origin on a thread of its own whose answers a test scripts; it counts requests by "METHOD path".
class FakeOrigin {
 public:
  using Answer = std::function<io::Task<void>(net::Exchange&)>;

  explicit FakeOrigin(Answer answer)
      : handler_([this, answer = std::move(answer)](net::Exchange& exchange) {
          note(exchange);
          return answer(exchange);
        }) {
    start(net::testing::kAnyLoopback);
  }
  ~FakeOrigin() { stop(); }

  void start(const Endpoint& at) {
    thread_ = std::make_unique<io::ReactorThread>("origin");
    thread_->run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<net::HttpServer>(reactor, handler_);
      const auto bound = server_->listen(at);
      EXPECT_TRUE(bound);
      if (bound) endpoint_ = *bound;
    });
  }
  /// Nothing listens any more; connections are cut.
  void stop() {
    if (!thread_) return;
    thread_->run_and_wait([&](io::Reactor&) { server_.reset(); });
    thread_.reset();
  }
  void restart() { start(endpoint_); }

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] int count(const std::string& method_and_path) {
    const std::lock_guard lock(mutex_);
    return counts_[method_and_path];
  }
  [[nodiscard]] std::string last_field(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return last_.value(name) ? std::string(*last_.value(name)) : "";
  }

 private:
  void note(net::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(exchange.request().method_text) + " " + std::string(exchange.request().path)];
    last_ = http::HeaderMap(exchange.request().fields);
  }

  net::testing::FunctionHandler handler_;
  std::mutex mutex_;
  std::map<std::string, int> counts_;
  http::HeaderMap last_;
  Endpoint endpoint_;
  std::unique_ptr<io::ReactorThread> thread_;
  std::unique_ptr<net::HttpServer> server_;
};

/// Of an edge that runs alone before an origin.
inline Options options_before(const Endpoint& origin) {
  Options options;
  options.listen = {net::testing::kAnyLoopback};
  options.origin = StandaloneOrigin{to_string(origin.address), origin.port, false};
  options.profile = http::Profile::kRfc;
  options.memory = mib(64);
  return options;
}

inline std::unique_ptr<EdgeServer> start_edge(Options options) {
  auto server = EdgeServer::start(std::move(options));
  EXPECT_TRUE(server) << (server ? "" : server.error().message);
  return server ? std::move(*server) : nullptr;
}

/// An edge that runs alone before an origin.
inline std::unique_ptr<EdgeServer> start_edge(const Endpoint& origin, http::Profile profile = http::Profile::kRfc,
                                              unsigned workers = 1) {
  Options options = options_before(origin);
  options.profile = profile;
  options.workers = workers;
  return start_edge(std::move(options));
}

/// Waits, at most ten seconds, until a condition that another thread brings about holds.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 10'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace yz::edge::testing
