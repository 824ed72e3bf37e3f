#include "edge/admin/admin_api.h"

#include <optional>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/text.h"
#include "edge/admin/prefetch.h"
#include "edge/admin/why.h"
#include "edge/edge_server.h"
#include "io/reactor.h"
#include "metrics/registry.h"
#include "model/json.h"
#include "net/router.h"

namespace yz::edge {
namespace {

using net::Exchange;
using net::RouteParams;

/// A snapshot of a very large cluster; more is a mistake.
constexpr std::size_t kMostBody = 256 << 20;
constexpr std::size_t kMostUrls = 10'000;
constexpr std::chrono::seconds kWorkTimeout{60};

http::StatusCode status_of(const Error& error) {
  switch (error.code) {
    case Code::kCorrupt:
    case Code::kUnsupported:
      return 400;
    case Code::kInvalid:
      return 422;
    case Code::kConflict:
      return 409;
    case Code::kLimit:
      return 507;
    case Code::kTimeout:
      return 504;
    default:
      return 500;
  }
}

io::Task<void> answer_json(Exchange& exchange, nlohmann::json body) {
  (void)co_await exchange.respond_text(200, "application/json", body.dump() + "\n");
}

// An object with one member. GCC 12 cannot compile a braced list in the arguments of an awaited call.
nlohmann::json member(const std::string& name, nlohmann::json value) {
  nlohmann::json object;
  object[name] = std::move(value);
  return object;
}

io::Task<void> answer_error(Exchange& exchange, Error error) {
  (void)co_await net::respond_problem(exchange, status_of(error), std::move(error.message));
}

/// The body, or none when it was answered that it cannot be had.
io::Task<std::optional<std::string>> body_of(Exchange& exchange) {
  auto body = co_await exchange.read_body_all(kMostBody);
  if (body) co_return *std::move(body);
  (void)co_await net::respond_problem(exchange, body.error().code == Code::kLimit ? 413 : 400, body.error().message);
  co_return std::nullopt;
}

/// One member of a JSON object body; none, answered, when the body is not such an object.
template <typename T>
io::Task<std::optional<T>> member_of(Exchange& exchange, std::string name) {
  auto body = co_await body_of(exchange);
  if (!body) co_return std::nullopt;
  const auto document = nlohmann::json::parse(*body, nullptr, false);
  const auto fits = [](const nlohmann::json& value) {
    if constexpr (std::is_same_v<T, bool>)
      return value.is_boolean();
    else if constexpr (std::is_same_v<T, std::uint64_t>)
      return value.is_number_unsigned();
    else
      return value.is_array();
  };
  if (document.is_object() && document.contains(name) && fits(document[name]))
    co_return document[name].template get<T>();
  (void)co_await net::respond_problem(exchange, 400, "expected an object with /" + name);
  co_return std::nullopt;
}

nlohmann::json disk_json(const cache::DiskStats& stats) {
  nlohmann::json out;
  out["devices"] = stats.devices;
  out["failed_devices"] = stats.failed;
  out["capacity_bytes"] = stats.volumes.capacity_bytes;
  out["objects"] = stats.volumes.objects;
  out["recovered_objects"] = stats.volumes.recovered;
  out["recovery_ms"] = stats.volumes.recovery_us / 1000;
  out["index_bytes"] = stats.volumes.index_bytes;
  out["hits"] = stats.hits;
  out["misses"] = stats.misses;
  return out;
}

io::Task<void> get_status(Exchange& exchange, EdgeServer& server) {
  const EdgeStatus status = server.status();
  nlohmann::json out;
  out["epoch"] = status.epoch;
  out["pid"] = ::getpid();
  out["config_seq"] = status.config.value;
  out["config_hash"] = to_hex(status.config_hash);
  out["purge_seq"] = status.purge.value;
  out["ready"] = status.ready;
  out["draining"] = status.draining;
  out["load"] = model::to_json(status.load);
  if (cache::DiskTier* const disk = server.store().disk()) out["disk"] = disk_json(disk->stats());
  co_await answer_json(exchange, std::move(out));
}

using Apply = Status (EdgeServer::*)(std::string_view);

io::Task<void> put_config(Exchange& exchange, EdgeServer& server, Apply apply) {
  auto body = co_await body_of(exchange);
  if (!body) co_return;
  auto applied = co_await server.pool().run([&server, apply, text = std::move(*body)] { return (server.*apply)(text); },
                                            io::Reactor::current().in(kWorkTimeout));
  if (!applied) co_return co_await answer_error(exchange, std::move(applied).error());
  co_await answer_json(exchange, member("config_seq", server.status().config.value));
}

io::Task<void> answer_purged(Exchange& exchange, Result<model::PurgeSeq> applied) {
  if (!applied) co_return co_await answer_error(exchange, std::move(applied).error());
  co_await answer_json(exchange, member("applied", applied->value));
}

io::Task<void> post_purge(Exchange& exchange, EdgeServer& server) {
  auto body = co_await body_of(exchange);
  if (!body) co_return;
  auto applied = co_await server.pool().run([&server, text = std::move(*body)] { return server.apply_purges(text); },
                                            io::Reactor::current().in(kWorkTimeout));
  co_await answer_purged(exchange, std::move(applied));
}

io::Task<void> post_resync(Exchange& exchange, EdgeServer& server) {
  const auto seq = co_await member_of<std::uint64_t>(exchange, "seq");
  if (!seq) co_return;
  auto applied = co_await server.pool().run([&server, to = *seq] { return server.resync_purges(model::PurgeSeq{to}); },
                                            io::Reactor::current().in(kWorkTimeout));
  co_await answer_purged(exchange, std::move(applied));
}

std::optional<model::PurgeKind> kind_of(const std::string& name) {
  if (name == "url") return model::PurgeKind::kUrl;
  if (name == "directory") return model::PurgeKind::kDirectory;
  if (name == "tag") return model::PurgeKind::kTag;
  if (name == "host") return model::PurgeKind::kHost;
  if (name == "all") return model::PurgeKind::kAll;
  return std::nullopt;
}

io::Task<void> post_local_purge(Exchange& exchange, EdgeServer& server) {
  auto body = co_await body_of(exchange);
  if (!body) co_return;
  const auto document = nlohmann::json::parse(*body, nullptr, false);
  const auto text = [&](const char* name) {
    const bool has = document.is_object() && document.contains(name) && document[name].is_string();
    return has ? document[name].get<std::string>() : std::string();
  };
  const auto kind = kind_of(text("kind"));
  if (!kind) {
    (void)co_await net::respond_problem(exchange, 400, "expected /kind to be url, directory, tag, host or all");
    co_return;
  }
  const bool hard = !document.contains("hard") || document["hard"] != false;
  auto applied = co_await server.pool().run([&server, what = *kind, host = to_lower(text("host")), key = text("key"),
                                             hard] { return server.purge_locally(what, host, key, hard); },
                                            io::Reactor::current().in(kWorkTimeout));
  co_await answer_purged(exchange, std::move(applied));
}

io::Task<void> post_prefetch(Exchange& exchange, EdgeServer& server, net::HttpClient& client) {
  const auto body = co_await body_of(exchange);
  if (!body) co_return;
  const auto document = nlohmann::json::parse(*body, nullptr, false);
  const bool is_list = document.is_object() && document.contains("urls") && document["urls"].is_array();
  std::vector<std::string> urls;
  for (const auto& url : is_list ? document["urls"] : nlohmann::json::array()) {
    if (url.is_string()) urls.push_back(url.get<std::string>());
  }
  if (!is_list || urls.size() != document["urls"].size() || urls.size() > kMostUrls) {
    (void)co_await net::respond_problem(exchange, 400, "expected /urls to be at most 10,000 strings");
    co_return;
  }
  const bool is_read = document.contains("manifests") && document["manifests"] == true;
  auto results = nlohmann::json::array();
  for (auto& outcome :
       co_await prefetch(server, client, std::move(urls), is_read ? Manifests::kRead : Manifests::kFetch)) {
    nlohmann::json result = {{"url", outcome.url},
                             {"ok", outcome.ok},
                             {"status", outcome.status},
                             {"bytes", outcome.bytes},
                             {"reason", outcome.reason}};
    if (!outcome.links.empty()) result["links"] = std::move(outcome.links);
    if (outcome.links_cut) result["links_cut"] = true;
    results.push_back(std::move(result));
  }
  co_await answer_json(exchange, member("results", std::move(results)));
}

io::Task<void> post_flag(Exchange& exchange, EdgeServer& server, std::string name, void (EdgeServer::*set)(bool)) {
  const auto value = co_await member_of<bool>(exchange, name);
  if (!value) co_return;
  (server.*set)(*value);
  co_await answer_json(exchange, member(name, *value));
}

io::Task<void> take_corrections(Exchange& exchange, EdgeServer& server) {
  auto items = nlohmann::json::array();
  for (const auto& entry : server.corrections().take()) {
    items.push_back({{"domain", entry.domain.value},
                     {"client_class", entry.client_class},
                     {"to", entry.to.value},
                     {"count", entry.count}});
  }
  co_await answer_json(exchange, member("corrections", std::move(items)));
}

io::Task<void> get_why(Exchange& exchange, EdgeServer& server) {
  const auto url = net::query_value(exchange.request().query, "url");
  if (!url) {
    (void)co_await net::respond_problem(exchange, 400, "expected ?url=http://host/path");
    co_return;
  }
  const auto fields = net::query_value(exchange.request().query, "fields");
  (void)co_await exchange.respond_text(200, "application/json", explain_url(server, *url, fields.value_or("")) + "\n");
}

}  // namespace

void add_admin_routes(net::Router& router, EdgeServer& server, net::HttpClient& client) {
  router.get("/status", [&server](Exchange& e, const RouteParams&) { return get_status(e, server); });
  router.put("/config",
             [&server](Exchange& e, const RouteParams&) { return put_config(e, server, &EdgeServer::apply_snapshot); });
  router.post("/config/delta",
              [&server](Exchange& e, const RouteParams&) { return put_config(e, server, &EdgeServer::apply_delta); });
  router.post("/purge", [&server](Exchange& e, const RouteParams&) { return post_purge(e, server); });
  router.post("/purge/resync", [&server](Exchange& e, const RouteParams&) { return post_resync(e, server); });
  router.post("/purge/local", [&server](Exchange& e, const RouteParams&) { return post_local_purge(e, server); });
  router.post("/prefetch",
              [&server, &client](Exchange& e, const RouteParams&) { return post_prefetch(e, server, client); });
  router.post("/ready", [&server](Exchange& e, const RouteParams&) {
    return post_flag(e, server, "ready", &EdgeServer::set_ready);
  });
  router.post("/drain", [&server](Exchange& e, const RouteParams&) {
    return post_flag(e, server, "draining", &EdgeServer::set_draining);
  });
  router.post("/corrections/take", [&server](Exchange& e, const RouteParams&) { return take_corrections(e, server); });
  router.get("/metrics", [&server](Exchange& e, const RouteParams&) -> io::Task<void> {
    (void)co_await e.respond_text(200, metrics::kExpositionType, server.metrics().expose());
  });
  router.get("/why", [&server](Exchange& e, const RouteParams&) { return get_why(e, server); });
}

}  // namespace yz::edge
