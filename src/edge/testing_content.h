#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "edge/testing.h"
#include "io/reactor_thread.h"
#include "net/http_client.h"

namespace yz::edge::testing {

/// What the origin of these tests has under "/<number>": bytes and a length that follow from the number alone.
struct Content {
  std::uint64_t smallest = 100;
  std::uint64_t largest = 60'000;

  [[nodiscard]] std::uint64_t size_of(std::uint64_t number) const {
    return smallest + hash64(std::to_string(number), 1) % (largest - smallest + 1);
  }
  [[nodiscard]] std::string body_of(std::uint64_t number) const {
    std::string body(size_of(number), '\0');
    std::uint64_t word = hash64(std::to_string(number), 2);
    for (std::size_t at = 0; at < body.size(); at += sizeof word) {
      word = word * 0x9e3779b97f4a7c15ULL + 1;
      std::memcpy(body.data() + at, &word, std::min(sizeof word, body.size() - at));
    }
    return body;
  }
};

inline io::Task<void> answer_content(net::Exchange& exchange, const Content& content) {
  const std::string path(exchange.request().path.substr(1));
  http::HeaderMap headers{{"Cache-Control", "max-age=86400"}, {"ETag", "\"" + path + "\""}};
  (void)co_await exchange.respond(200, std::move(headers), content.body_of(std::stoull(path)));
}

/// What clients saw.
struct Seen {
  std::atomic<std::uint64_t> answers{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> from_disk{0};
  std::atomic<std::uint64_t> wrong{0};   ///< another status, or another body
  std::atomic<std::uint64_t> broken{0};  ///< no whole answer
  std::string first_trouble;             ///< what the first of these was; to be read when the clients are done
};

/// Clients on a thread of their own with kept connections; every body is compared. They ask for what `next` says (by a
/// client's number) until it says kNoMore.
class ContentClients {
 public:
  static constexpr std::uint64_t kNoMore = UINT64_MAX;
  using Next = std::function<std::uint64_t(unsigned client)>;

  ContentClients(const Endpoint& edge, const Content& content, unsigned clients, Next next, Seen& seen)
      : content_(content), next_(std::move(next)), seen_(seen), running_(clients) {
    upstream_.endpoint = edge;
    thread_.run_and_wait([&](io::Reactor& reactor) {
      client_ = std::make_unique<net::HttpClient>(reactor);
      for (unsigned i = 0; i < clients; ++i) reactor.spawn(run(i));
    });
  }
  ~ContentClients() {
    wait();
    thread_.run_and_wait([&](io::Reactor&) { client_.reset(); });
  }
  void wait() const {
    while (running_.load() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

 private:
  void note(std::uint64_t number, const std::string& what) {
    if (seen_.first_trouble.empty()) seen_.first_trouble = "/" + std::to_string(number) + ": " + what;
  }
  io::Task<void> run(unsigned index) {
    for (std::uint64_t number = next_(index); number != kNoMore; number = next_(index)) co_await ask(number);
    running_.fetch_sub(1);
  }
  io::Task<void> ask(std::uint64_t number) {
    net::ClientRequest request;
    request.target = "/" + std::to_string(number);
    request.host = "a.test";
    auto response = co_await client_->send(upstream_, std::move(request));
    if (!response) {
      ++seen_.broken;
      note(number, response.error().message);
      co_return co_await io::sleep_for(std::chrono::milliseconds(5));
    }
    const std::string status(response->head().fields.value(http::FieldId::kCacheStatus).value_or(""));
    auto body = co_await response->read_all(64 << 20);
    if (!body) {
      ++seen_.broken;
      co_return note(number, body.error().message);
    }
    ++seen_.answers;
    seen_.bytes += body->size();
    if (response->status() != 200 || *body != content_.body_of(number)) {
      ++seen_.wrong;
      note(number, std::to_string(response->status()) + " with " + std::to_string(body->size()) + " bytes, " + status);
    }
    if (status.find("; hit") != std::string::npos) ++seen_.hits;
    if (status.find("detail=disk") != std::string::npos) ++seen_.from_disk;
  }

  const Content content_;
  const Next next_;
  Seen& seen_;
  std::atomic<unsigned> running_;
  net::Upstream upstream_;
  std::unique_ptr<net::HttpClient> client_;
  io::ReactorThread thread_{"clients"};
};

}  // namespace yz::edge::testing
