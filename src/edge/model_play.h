#pragma once

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "cache/key.h"
#include "edge/edge_server.h"
#include "edge/reference_model.h"
#include "edge/stored_object.h"
#include "http/date.h"
#include "io/reactor_thread.h"
#include "io/tcp_stream.h"
#include "net/http_server.h"

namespace yz::edge::testing {

/// Where a play's choices come from: chance, or the bytes of a fuzzer.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed) {}
  explicit Choices(std::span<const unsigned char> bytes) : random_(0), bytes_(bytes), is_scripted_(true) {}
  /// 0 … below - 1.
  [[nodiscard]] std::size_t below(std::size_t limit) {
    if (!is_scripted_) return random_.below(limit);
    if (bytes_.empty()) return 0;
    const std::size_t choice = bytes_.front() % limit;
    bytes_ = bytes_.subspan(1);
    return choice;
  }
  [[nodiscard]] bool is_over() const { return is_scripted_ && bytes_.empty(); }

 private:
  Random random_;
  std::span<const unsigned char> bytes_;
  bool is_scripted_ = false;
};

/// A real edge under a clock that stands still until told, before an origin that answers as a model says; plays the
/// same requests against it and the reference. One play after the other, each on a host of its own.
class ModelStage {
 public:
  ModelStage() : thread_("model-origin"), handler_(*this) {
    thread_.run_and_wait([this](io::Reactor& reactor) {
      server_ = std::make_unique<net::HttpServer>(reactor, handler_);
      origin_at_ = server_->listen({IpAddress::v4(0x7F000001), 0}).value();
    });
    Options options;
    options.listen = {{IpAddress::v4(0x7F000001), 0}};
    options.origin = StandaloneOrigin{to_string(origin_at_.address), origin_at_.port, false};
    options.profile = http::Profile::kRfc;
    options.memory = mib(32);
    options.clock = &clock_;
    edge_ = EdgeServer::start(std::move(options)).value();
  }
  ~ModelStage() {
    client_.reset();
    edge_.reset();
    thread_.run_and_wait([this](io::Reactor&) { server_.reset(); });
  }
  ModelStage(const ModelStage&) = delete;
  ModelStage& operator=(const ModelStage&) = delete;

  /// Plays `steps` steps, or until the choices end. Says what differed, with all that happened before; none: nothing
  /// did.
  [[nodiscard]] std::optional<std::string> play(Choices choices, int steps) {
    begin();
    if (has_shared_places()) return std::nullopt;
    for (int i = 0; i < steps && !choices.is_over(); ++i) {
      if (!step(choices)) return log_;
      end_failure();
    }
    return std::nullopt;
  }

 private:
  static constexpr std::array<const char*, 4> kUrls = {"/d0/a", "/d0/b", "/d1/a", "/d1/b"};
  static constexpr std::array<const char*, 2> kLangs = {"x", "yy"};

  class Handler final : public net::HttpHandler {
   public:
    explicit Handler(ModelStage& stage) : stage_(stage) {}
    io::Task<void> handle(net::Exchange& exchange) override { return stage_.answer(exchange); }

   private:
    ModelStage& stage_;
  };

  struct Seen {
    int status = 0;
    std::string body;
  };

  void begin() {
    const std::lock_guard lock(mutex_);
    host_ = "p" + std::to_string(++plays_) + ".test";
    reference_ = ReferenceCache();
    log_.clear();
    for (std::size_t i = 0; i < origins_.size(); ++i) {
      origins_[i] = {};
      origins_[i].varies = i % 2 == 1;
      origins_[i].tag = static_cast<int>(i % 3);
    }
    is_down_ = false;
    down_steps_ = 0;
  }

  /// The edge's back-off has a fixed number of places; two URLs in one would disturb each other, rightly.
  [[nodiscard]] bool has_shared_places() const {
    std::set<std::uint64_t> places;
    std::size_t count = 0;
    std::string scratch;
    for (std::size_t i = 0; i < kUrls.size(); ++i) {
      cache::CacheKey key;
      key.primary = cache::primary_key(host_, kUrls[i]);
      for (const char* lang : kLangs) {
        const http::HeaderMap request{{"Lang", lang}};
        if (i % 2 == 1) key.variant = variant_of("lang", request, scratch);
        if (i % 2 == 0 && lang != kLangs.front()) continue;
        places.insert(key.slot().high % RevalidationBackoff::kPlaces);
        ++count;
      }
    }
    return places.size() != count;
  }

  [[nodiscard]] bool step(Choices& choices) {
    switch (choices.below(16)) {
      case 0:
      case 1:
        return advance(1 + static_cast<int>(choices.below(7)));
      case 2:
        return change_origin(choices);
      case 3:
        return purge(choices);
      case 4:
        return choices.below(3) != 0 || toggle_down();
      case 5:
        return post(choices.below(kUrls.size()));
      case 6:
        return get(choices, true);
      default:
        return get(choices, false);
    }
  }

  [[nodiscard]] bool advance(int seconds) {
    note("advance " + std::to_string(seconds));
    clock_.advance(std::chrono::seconds(seconds));
    reference_.advance(seconds);
    return true;
  }

  [[nodiscard]] bool change_origin(Choices& choices) {
    const std::lock_guard lock(mutex_);
    const std::size_t url = choices.below(kUrls.size());
    ReferenceCache::Origin& origin = origins_[url];
    switch (choices.below(4)) {
      case 0:
        ++origin.version;
        break;
      case 1:
        origin.age = static_cast<int>(choices.below(6));
        break;
      case 2:
        origin.tag = static_cast<int>(choices.below(3));
        break;
      default:
        origin.policy = choices.below(std::size(kModelPolicies));
    }
    note(std::string("origin ") + kUrls[url] + " v" + std::to_string(origin.version) + " age " +
         std::to_string(origin.age) + " tag " + std::to_string(origin.tag) + " '" +
         kModelPolicies[origin.policy].cache_control + "'");
    return true;
  }

  /// The origin fails for a few steps, once a play: fewer answers than would open the edge's breaker, which goes by the
  /// machine's clock.
  [[nodiscard]] bool toggle_down() {
    const std::lock_guard lock(mutex_);
    if (down_steps_ > 0) return true;
    is_down_ = true;
    note("origin down");
    return true;
  }
  void end_failure() {
    const std::lock_guard lock(mutex_);
    if (!is_down_ || ++down_steps_ <= 4) return;
    is_down_ = false;
    note("origin up");
  }

  [[nodiscard]] bool purge(Choices& choices) {
    const bool hard = choices.below(2) == 0;
    const std::string url = kUrls[choices.below(kUrls.size())];
    const std::string directory = choices.below(2) == 0 ? "/d0/" : "/d1/";
    const int tag = static_cast<int>(choices.below(3));
    switch (choices.below(4)) {
      case 0:
        note("purge url " + url + (hard ? " hard" : " soft"));
        reference_.purge_url(url, hard);
        return edge_->purge_locally(model::PurgeKind::kUrl, host_, url, hard).has_value();
      case 1:
        note("purge directory " + directory + (hard ? " hard" : " soft"));
        reference_.purge_directory(directory, hard);
        return edge_->purge_locally(model::PurgeKind::kDirectory, host_, directory, hard).has_value();
      case 2:
        note("purge tag " + std::to_string(tag) + (hard ? " hard" : " soft"));
        reference_.purge_tag(tag, hard);
        return edge_->purge_locally(model::PurgeKind::kTag, host_, "t" + std::to_string(tag), hard).has_value();
      default:
        note(std::string("purge host") + (hard ? " hard" : " soft"));
        reference_.purge_all(hard);
        return edge_->purge_locally(model::PurgeKind::kHost, host_, "", hard).has_value();
    }
  }

  [[nodiscard]] bool post(std::size_t url) {
    note(std::string("POST ") + kUrls[url]);
    const std::uint64_t before = asked();
    const auto expected = reference_.post(kUrls[url], current(url));
    const Seen seen = ask("POST", kUrls[url], "Content-Length: 0\r\n", false);
    return matches(expected, seen, before, true);
  }

  [[nodiscard]] bool get(Choices& choices, bool is_head) {
    const std::size_t url = choices.below(kUrls.size());
    const std::string lang = kLangs[choices.below(kLangs.size())];
    // Half of the requests have no directives.
    const std::size_t pick = choices.below(2 * static_cast<std::size_t>(ModelAsk::kCount));
    const std::size_t wish = pick < static_cast<std::size_t>(ModelAsk::kCount) ? pick : 0;
    note(std::string(is_head ? "HEAD " : "GET ") + kUrls[url] + " " + lang + " '" + kModelAsks[wish] + "'");
    std::string fields = "Lang: " + lang + "\r\n";
    if (wish != 0) fields += std::string("Cache-Control: ") + kModelAsks[wish] + "\r\n";
    const std::uint64_t before = asked();
    const auto expected = reference_.get(kUrls[url], lang, static_cast<ModelAsk>(wish), current(url), is_head);
    const Seen seen = ask(is_head ? "HEAD" : "GET", kUrls[url], fields, is_head);
    return matches(expected, seen, before, is_head);
  }

  [[nodiscard]] bool matches(const ReferenceCache::Expected& expected, const Seen& seen, std::uint64_t before,
                             bool has_no_body) {
    const auto wanted = static_cast<std::uint64_t>(expected.origin_requests + (expected.revalidates_behind ? 1 : 0));
    // A validation behind the answer ends some time later; nothing else is in flight.
    for (int i = 0; i < 5'000; ++i) {
      if (asked() - before >= wanted && edge_->store().stats().fills == 0) break;
      std::this_thread::sleep_for(std::chrono::microseconds(i < 100 ? 20 : 1'000));
    }
    const bool same_body = has_no_body || expected.status != 200 || seen.body == expected.body;
    if (seen.status == expected.status && same_body && asked() - before == wanted) return true;
    note("  expected " + std::to_string(expected.status) + " '" + expected.body + "' and " + std::to_string(wanted) +
         " requests to the origin; seen " + std::to_string(seen.status) + " '" + seen.body + "' and " +
         std::to_string(asked() - before));
    const cache::CacheStats stats = edge_->store().stats();
    note("  the store: " + std::to_string(stats.objects) + " objects, " + std::to_string(stats.evicted) + " evicted, " +
         std::to_string(stats.refused) + " refused, " + std::to_string(stats.memory_used) + " bytes");
    return false;
  }

  [[nodiscard]] ReferenceCache::Origin current(std::size_t url) {
    const std::lock_guard lock(mutex_);
    ReferenceCache::Origin origin = origins_[url];
    origin.is_down = is_down_;
    return origin;
  }

  /// The origin, on its thread.
  [[nodiscard]] io::Task<void> answer(net::Exchange& exchange) {
    const http::RequestHead& request = exchange.request();
    std::size_t url = 0;
    while (url + 1 < kUrls.size() && request.path != kUrls[url]) ++url;
    ReferenceCache::Origin origin = current(url);
    asked_.fetch_add(1);
    http::HeaderMap headers;
    headers.add("Date", http::DateText(std::chrono::floor<std::chrono::seconds>(clock_.wall())).text());
    if (origin.is_down) {
      (void)co_await exchange.respond(503, std::move(headers), "down");
      co_return;
    }
    if (request.method == http::Method::kPost) {
      (void)co_await exchange.respond(204, std::move(headers), "");
      co_return;
    }
    const std::string tag = "\"" + std::to_string(origin.version) + "\"";
    headers.add("ETag", tag);
    headers.add("Cache-Tag", "t" + std::to_string(origin.tag));
    const char* const text = kModelPolicies[origin.policy].cache_control;
    if (*text != '\0') headers.add("Cache-Control", text);
    if (origin.varies) headers.add("Vary", "Lang");
    if (origin.age > 0) headers.add("Age", std::to_string(origin.age));
    if (request.fields.value(http::FieldId::kIfNoneMatch) == tag) {
      (void)co_await exchange.respond(304, std::move(headers), "");
      co_return;
    }
    const std::string lang(request.fields.all().find("Lang") != nullptr ? request.fields.all().find("Lang")->value
                                                                        : "");
    std::string body = ReferenceCache::body_of(kUrls[url], origin, lang);
    (void)co_await exchange.respond(200, std::move(headers), std::move(body));
  }

  /// One request on the kept connection.
  [[nodiscard]] Seen ask(std::string_view method, std::string_view target, std::string_view fields, bool has_no_body) {
    std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + host_ + "\r\n" +
                       std::string(fields) + "\r\n";
    return reactor_.block_on(exchange_on_kept(std::move(text), has_no_body));
  }
  [[nodiscard]] io::Task<Seen> exchange_on_kept(std::string request, bool has_no_body) {
    const MonoTime deadline = reactor_.in(std::chrono::seconds(20));
    if (!client_) {
      auto connected = co_await io::connect(edge_->listening()[0], deadline);
      if (!connected) co_return Seen{};
      client_ = std::make_unique<io::TcpStream>(*std::move(connected));
    }
    (void)co_await client_->write_all(request, std::chrono::seconds(5));
    std::string text;
    std::array<char, 8192> buffer;
    for (;;) {
      const auto end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t size = has_no_body ? 0 : length_in(text.substr(0, end + 2));
        if (text.size() >= end + 4 + size) {
          // After very many requests a connection is closed, rightly.
          if (text.find("\r\nConnection: close\r\n") < end + 2) client_.reset();
          co_return Seen{std::stoi(text.substr(9, 3)), text.substr(end + 4, size)};
        }
      }
      const auto n = co_await client_->read(buffer, deadline);
      if (!n || *n == 0) {
        client_.reset();
        co_return Seen{0, "the connection ended: " + text};
      }
      text.append(buffer.data(), *n);
    }
  }
  [[nodiscard]] static std::size_t length_in(const std::string& head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const auto at = head.find(kName);
    std::size_t size = 0;
    if (at != std::string::npos)
      (void)std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), size);
    return size;
  }

  [[nodiscard]] std::uint64_t asked() const { return asked_.load(); }
  void note(const std::string& line) { log_ += line + "\n"; }

  ManualClock clock_;
  std::mutex mutex_;
  std::array<ReferenceCache::Origin, kUrls.size()> origins_;  // guarded by mutex_
  bool is_down_ = false;                                      // guarded by mutex_
  int down_steps_ = 0;
  std::atomic<std::uint64_t> asked_{0};
  std::uint64_t plays_ = 0;
  std::string host_;
  std::string log_;
  ReferenceCache reference_;
  io::ReactorThread thread_;
  Handler handler_;
  std::unique_ptr<net::HttpServer> server_;
  Endpoint origin_at_;
  std::unique_ptr<EdgeServer> edge_;
  io::Reactor reactor_;
  std::unique_ptr<io::TcpStream> client_;
};

}  // namespace yz::edge::testing
