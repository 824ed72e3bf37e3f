// A stand-in for yz-edge in the agent's tests: serves the admin API (docs/formats/edge-admin.md), keeps its purge
// number on disk, and writes what it was told to <state>/journal, one line each. With <state>/hang it stops answering.

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "io/reactor.h"
#include "io/signal_waiter.h"
#include "model/codec.h"
#include "model/json.h"
#include "net/http_server.h"
#include "net/router.h"

namespace {

using namespace yz;
using nlohmann::json;

constexpr std::size_t kMaxBody = 64 << 20;

class FakeEdge {
 public:
  explicit FakeEdge(std::filesystem::path state) : state_(std::move(state)) {
    if (const auto text = read_file(state_ / "purged")) purged_ = parse_u64(trim(*text)).value_or(0);
    epoch_ = Random::from_entropy().next() | 1;
    note("start");
  }

  void add_routes(net::Router& router) {
    using Body = std::string;
    router.get("/status", [this](net::Exchange& e, const net::RouteParams&) { return status(e); });
    add(router, http::Method::kPut, "/config", [this](const Body& body) { return config(body); });
    add(router, http::Method::kPost, "/config/delta", [this](const Body& body) { return delta(body); });
    add(router, http::Method::kPost, "/purge", [this](const Body& body) { return purge(body); });
    add(router, http::Method::kPost, "/purge/resync", [this](const Body& body) { return resync(body); });
    add(router, http::Method::kPost, "/prefetch", [this](const Body& body) { return prefetch(body); });
    add(router, http::Method::kPost, "/corrections/take", [](const Body&) {
      return Answer{200, R"({"corrections":[{"domain":1,"client_class":"CN-BJ/unicom","to":9,"count":2}]})"};
    });
    add(router, http::Method::kPost, "/ready", [this](const Body& body) { return flag(body, "ready", ready_); });
    add(router, http::Method::kPost, "/drain", [this](const Body& body) { return flag(body, "draining", draining_); });
  }

 private:
  struct Answer {
    http::StatusCode status = 204;
    std::string body;
  };
  template <typename F>
  void add(net::Router& router, http::Method method, std::string_view path, F serve) {
    router.add(method, path, [serve](net::Exchange& e, const net::RouteParams&) -> io::Task<void> {
      auto body = co_await e.read_body_all(kMaxBody);
      if (!body) co_return;
      const Answer answer = serve(*body);
      if (answer.status >= 400) {
        (void)co_await net::respond_problem(e, answer.status, answer.body);
      } else {
        (void)co_await e.respond_text(answer.status, "application/json", answer.body);
      }
    });
  }

  io::Task<void> status(net::Exchange& exchange) {
    while (std::filesystem::exists(state_ / "hang")) co_await io::sleep_for(std::chrono::milliseconds(10));
    json answer{{"epoch", epoch_},
                {"pid", ::getpid()},
                {"config_seq", config_.seq.value},
                {"config_hash", to_hex(config_.seq ? config_.content_hash() : "")},
                {"purge_seq", purged_},
                {"ready", ready_},
                {"draining", draining_}};
    answer["load"] = model::to_json(model::Load{.requests_per_s = 5, .connections = 1});
    (void)co_await exchange.respond_text(200, "application/json", answer.dump());
  }

  Answer take(Result<model::ConfigSnapshot> next, std::string_view how) {
    if (!next)
      return {next.error().code == Code::kConflict ? http::StatusCode{409} : http::StatusCode{422},
              next.error().message};
    if (next->find_domain("refused.example") != nullptr) return {422, "/domains: refused.example is refused"};
    config_ = *std::move(next);
    note(std::string(how) + " " + to_string(config_.seq));
    return {};
  }
  Answer config(const std::string& body) { return take(model::decode_snapshot(body), "snapshot"); }
  Answer delta(const std::string& body) {
    const auto delta = model::decode_delta(body);
    if (!delta) return {422, delta.error().message};
    return take(model::apply(config_, *delta), "delta");
  }

  Answer purge(const std::string& body) {
    const auto records = model::decode_purge_records(body);
    if (!records) return {422, records.error().message};
    for (const auto& record : *records) {
      if (record.seq.value <= purged_) continue;
      if (record.seq.value != purged_ + 1) return {409, "a gap in the numbers"};
      note("purge " + to_string(record.seq));
      set_purged(record.seq.value);
    }
    return {200, json{{"applied", purged_}}.dump()};
  }
  Answer resync(const std::string& body) {
    set_purged(json::parse(body)["seq"].get<std::uint64_t>());
    note("resync " + std::to_string(purged_));
    return {200, json{{"applied", purged_}}.dump()};
  }
  Answer prefetch(const std::string& body) {
    json results = json::array();
    const json request = json::parse(body);
    for (const auto& url : request["urls"]) {
      note("prefetch " + url.get<std::string>());
      results.push_back({{"url", url}, {"ok", true}, {"status", 200}, {"bytes", 10}, {"reason", ""}});
      if (request["manifests"] == true && url.get<std::string>().ends_with(".m3u8")) {
        results.back()["links"] = {"http://d1.example/1.ts", "http://d1.example/2.ts"};
      }
    }
    return {200, json{{"results", results}}.dump()};
  }
  Answer flag(const std::string& body, const char* name, bool& out) {
    out = json::parse(body)[name].get<bool>();
    note(std::string(name) + " " + (out ? "true" : "false"));
    return {};
  }

  void set_purged(std::uint64_t seq) {
    purged_ = seq;
    (void)write_file_atomically(state_ / "purged", std::to_string(seq));
  }
  void note(const std::string& line) { std::ofstream(state_ / "journal", std::ios::app) << line << '\n'; }

  const std::filesystem::path state_;
  std::uint64_t epoch_ = 0;
  model::ConfigSnapshot config_;
  std::uint64_t purged_ = 0;
  bool ready_ = false;
  bool draining_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "--config") return 2;
  io::SignalWaiter::block({SIGTERM, SIGINT});
  const auto text = read_file(argv[2]);
  if (!text) return 2;
  const json settings = json::parse(*text);
  io::Reactor reactor;
  FakeEdge edge(settings["state"].get<std::string>());
  net::Router router;
  edge.add_routes(router);
  net::HttpServer server(reactor, router);
  if (auto listening = server.listen_unix(settings["admin"].get<std::string>()); !listening) {
    std::fprintf(stderr, "fake edge: %s\n", listening.error().message.c_str());
    return 1;
  }
  reactor.block_on([](io::Reactor& r) -> io::Task<void> {
    io::SignalWaiter signals(r, {SIGTERM, SIGINT});
    (void)co_await signals.next(io::kNoDeadline);
  }(reactor));
  return 0;
}
