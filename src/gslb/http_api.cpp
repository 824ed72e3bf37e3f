#include "gslb/http_api.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sched/explain.h"

namespace yz::gslb {
namespace {

using nlohmann::json;

/// Alibaba's HTTP-DNS errors: a status and a code.
io::Task<void> respond_code(net::Exchange& exchange, http::StatusCode status, std::string code) {
  // Made before it is awaited: GCC 12 trips over initializer lists inside an awaited expression.
  const json body = {{"code", code}};
  (void)co_await exchange.respond_text(status, "application/json", body.dump());
}

std::string canonical(std::string_view host) { return model::canonical_host(host).value_or(std::string()); }

/// What `query=` asks for: "4", "6", "4,6"; IPv4 when it is not there.
struct Families {
  bool v4 = true;
  bool v6 = false;
};
std::optional<Families> parse_families(const std::optional<std::string>& text) {
  if (!text) return Families{};
  Families out{false, false};
  for (const auto one : split(*text, ',')) {
    if (one == "4") {
      out.v4 = true;
    } else if (one == "6") {
      out.v6 = true;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool is_trusted(const model::Settings& settings, const IpAddress& address) {
  for (const auto& block : settings.trusted_proxies) {
    if (block.contains(address)) return true;
  }
  return false;
}

std::string url_host(const IpAddress& address, std::uint16_t port) {
  const auto text = address.is_v4() ? to_string(address) : "[" + to_string(address) + "]";
  return port == 80 ? text : fmt::format("{}:{}", text, port);
}

}  // namespace

HttpApi::HttpApi(const WorldSource& source, metrics::Registry& registry) : registry_(registry), scheduler_(source) {
  redirects_ = registry.counter("yz_redirects_total", "302 answers of the scheduler.");
  resolutions_ = registry.counter("yz_httpdns_total", "HTTP-DNS answers with addresses.");
  using Params = net::RouteParams;
  const auto resolve_route = [this](net::Exchange& exchange, const Params&) { return resolve(exchange); };
  router_.get("/d", resolve_route);
  router_.get("/{account}/d", resolve_route);
  router_.get("/explain", [this](net::Exchange& exchange, const Params&) { return explain(exchange); });
  router_.get("/healthz", [this](net::Exchange& exchange, const Params&) { return health(exchange); });
  router_.get("/metrics", [this](net::Exchange& exchange, const Params&) -> io::Task<void> {
    (void)co_await exchange.respond_text(200, metrics::kExpositionType, registry_.expose());
  });
  const auto by_path = [this](net::Exchange& exchange, const Params&) {
    // The rest of the path goes on as it came, undecoded.
    auto rest = exchange.request().path.substr(std::string_view("/302/").size());
    const auto slash = rest.find('/');
    std::string path(slash == std::string_view::npos ? "/" : rest.substr(slash));
    if (exchange.request().has_query) path.append("?").append(exchange.request().query);
    return redirect(exchange, std::string(rest.substr(0, slash)), std::move(path));
  };
  router_.get("/302/{host}", by_path);
  router_.get("/302/{host}/{path*}", by_path);
  router_.set_fallback([this](net::Exchange& exchange, const Params&) {
    std::string path(exchange.request().path);
    if (exchange.request().has_query) path.append("?").append(exchange.request().query);
    return redirect(exchange, std::string(exchange.request().host), std::move(path));
  });
}

IpAddress HttpApi::client_of(const net::Exchange& exchange, const World* world) {
  IpAddress client = exchange.peer().address.unmapped();
  if (world == nullptr || !is_trusted(world->view->config().settings, client)) return client;
  // From the right: the first address that is not itself a trusted proxy.
  const auto* const field = exchange.request().fields.find("X-Forwarded-For");
  if (field == nullptr) return client;
  const auto hops = split(field->value, ',');
  for (auto it = hops.rbegin(); it != hops.rend(); ++it) {
    const auto hop = IpAddress::parse(trim(*it));
    if (!hop) break;
    client = hop->unmapped();
    if (!is_trusted(world->view->config().settings, client)) break;
  }
  return client;
}

std::optional<HttpApi::Decided> HttpApi::decide(const World& world, const std::string& host, const IpAddress& client) {
  const auto found = world.zones->hosts.find(canonical(host));
  if (found == world.zones->hosts.end()) return std::nullopt;
  Decided out;
  out.domain = found->second;
  out.place = Scheduler::locate(world, client, std::nullopt);
  out.choice = scheduler_.choose(world.plan_of_domain.at(out.domain), out.domain, out.place);
  return out;
}

io::Task<void> HttpApi::redirect(net::Exchange& exchange, std::string host, std::string path_and_query) {
  const World* const world = scheduler_.refresh();
  const IpAddress client = client_of(exchange, world);
  const auto decided = world == nullptr ? std::nullopt : decide(*world, host, client);
  if (!decided) {
    (void)co_await net::respond_problem(exchange, world == nullptr ? 503 : 404,
                                        fmt::format("'{}' is not a domain this scheduler serves", host));
    co_return;
  }
  const Answer* const answer = decided->choice.answer;
  if (answer == nullptr || answer->nodes.count == 0) {
    (void)co_await net::respond_problem(exchange, 503, fmt::format("no node can serve '{}' now", host));
    co_return;
  }
  // The first node, by an address of the client's family if it has one: the one DNS would name first.
  const auto& node = *world->view->find_node(answer->nodes.nodes[0])->config;
  IpAddress address = node.addresses.front();
  for (const auto& one : node.addresses) {
    if (one.family() == client.family()) {
      address = one;
      break;
    }
  }
  http::HeaderMap headers;
  headers.add("Location", fmt::format("http://{}/.yz/302/{}{}", url_host(address, node.http_port), canonical(host),
                                      path_and_query));
  headers.add("Cache-Control", "no-store");
  redirects_.add();
  (void)co_await exchange.respond(302, std::move(headers), {});
}

io::Task<void> HttpApi::resolve(net::Exchange& exchange) {
  const auto query = exchange.request().query;
  const auto host = net::query_value(query, "host");
  if (!host || host->empty()) co_return co_await respond_code(exchange, 400, "MissingArgument");
  if (canonical(*host).empty()) co_return co_await respond_code(exchange, 400, "InvalidHost");
  const auto families = parse_families(net::query_value(query, "query"));
  if (!families) co_return co_await respond_code(exchange, 400, "InvalidQuery");
  const World* const world = scheduler_.refresh();
  IpAddress client = client_of(exchange, world);
  if (const auto text = net::query_value(query, "ip"); text && !text->empty()) {
    const auto address = IpAddress::parse(*text);
    if (!address) co_return co_await respond_code(exchange, 400, "InvalidIP");
    client = address->unmapped();
  }
  if (world == nullptr) co_return co_await respond_code(exchange, 503, "ServiceUnavailable");
  const auto decided = decide(*world, *host, client);
  if (!decided) co_return co_await respond_code(exchange, 404, "InvalidHost");
  const Answer* const answer = decided->choice.answer;
  if (answer == nullptr) co_return co_await respond_code(exchange, 503, "ServiceUnavailable");

  json body = {{"host", *host},
               {"ips", json::array()},
               {"ttl", decided->choice.ttl},
               {"origin_ttl", decided->choice.ttl},
               {"client_ip", to_string(client)}};
  for (std::size_t i = 0; families->v4 && i < answer->v4_count; ++i) body["ips"].push_back(to_string(answer->v4[i]));
  if (families->v6) body["ipsv6"] = json::array();
  for (std::size_t i = 0; families->v6 && i < answer->v6_count; ++i) body["ipsv6"].push_back(to_string(answer->v6[i]));
  resolutions_.add();
  (void)co_await exchange.respond_text(200, "application/json", body.dump());
}

io::Task<void> HttpApi::explain(net::Exchange& exchange) {
  const auto query = exchange.request().query;
  const World* const world = scheduler_.refresh();
  const auto name = net::query_value(query, "name");
  if (world == nullptr || !name) {
    (void)co_await net::respond_problem(exchange, world == nullptr ? 503 : 400, "expected name= and address=");
    co_return;
  }
  IpAddress client = client_of(exchange, world);
  if (const auto text = net::query_value(query, "address"); text && !text->empty()) {
    const auto address = IpAddress::parse(*text);
    if (!address) {
      (void)co_await net::respond_problem(exchange, 400, address.error().message);
      co_return;
    }
    client = address->unmapped();
  }
  const auto found = world->zones->hosts.find(canonical(*name));
  if (found == world->zones->hosts.end()) {
    (void)co_await net::respond_problem(exchange, 404, fmt::format("'{}' is not a domain of this scheduler", *name));
    co_return;
  }
  const auto place = Scheduler::locate(*world, client, std::nullopt);
  const auto decision = sched::decide(*world->view, found->second, world->map->client_class(place.id),
                                      sched::salt_of(found->second, place.salt_address));
  if (net::query_value(query, "format") == "text") {
    (void)co_await exchange.respond_text(200, "text/plain; charset=utf-8", sched::explain_text(decision, *world->view));
    co_return;
  }
  json body = sched::explain_json(decision, *world->view);
  body["address"] = to_string(client);
  const auto block = world->map->find(client);
  body["block"] = to_string(IpPrefix{client.masked(block.length), block.length});
  body["config_seq"] = world->view->config().seq.value;
  (void)co_await exchange.respond_text(200, "application/json", body.dump());
}

io::Task<void> HttpApi::health(net::Exchange& exchange) {
  const World* const world = scheduler_.refresh();
  const json body = {{"ready", world != nullptr},
                     {"config_seq", world == nullptr ? 0 : world->view->config().seq.value},
                     {"domains", world == nullptr ? 0 : world->zones->services.size()},
                     {"nodes", world == nullptr ? 0 : world->view->nodes().size()}};
  (void)co_await exchange.respond_text(world == nullptr ? 503 : 200, "application/json", body.dump());
}

}  // namespace yz::gslb
