#include "cli/cluster/cluster.h"

#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/dns_client.h"
#include "geo/build_command.h"
#include "net/self_signed.h"

namespace yz::cli {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Blocks of the sample viewers, for machines without the IP data: China Unicom's and China Telecom's resolvers.
constexpr std::string_view kSampleBlocks =
    "202.106.0.0/16 CN beijing unicom\n"
    "202.96.128.0/18 CN guangdong telecom\n"
    "219.141.136.0/21 CN beijing telecom\n"
    "210.21.196.0/22 CN guangdong unicom\n"
    "221.130.0.0/17 CN beijing mobile\n";

std::string agent_name(std::string_view node) { return fmt::format("agent {}", node); }

std::string file_name(std::string_view program) {
  std::string out(program);
  for (char& c : out) {
    if (c == ' ') c = '-';
  }
  return out;
}

/// The last non-empty line of a text.
std::string last_line(std::string_view text) {
  text = trim(text);
  const auto end = text.rfind('\n');
  return std::string(end == std::string_view::npos ? text : text.substr(end + 1));
}

// GCC 12 cannot compile initializer lists inside co_await, so JSON is made outside.

json cluster_settings(const std::string& zone) {
  return {{"cdn_zone", zone},
          {"name_servers", json::array({{{"name", "ns1." + zone}, {"addresses", {"127.0.0.1"}}}})},
          {"hostmaster", "hostmaster." + zone},
          {"negative_ttl", 5},
          {"trusted_proxies", {"127.0.0.0/8"}}};
}

json l1_group(const char* name, const char* province, const char* isp, std::uint64_t parent) {
  return {{"name", name},
          {"tier", "l1"},
          {"parent_group", parent},
          {"isps", {isp}},
          {"place", {{"country", "CN"}, {"province", province}}}};
}

}  // namespace

Cluster::Cluster(io::Reactor& reactor, ClusterPlan plan, ClusterOptions options)
    : reactor_(reactor),
      plan_(std::move(plan)),
      options_(std::move(options)),
      api_(reactor, {plan_.api_url(), plan_.api_token}),
      asker_(reactor, api_.target()),
      programs_(reactor) {}

std::filesystem::path Cluster::log_of(std::string_view program) const {
  return plan_.folder / "log" / (file_name(program) + ".log");
}

std::filesystem::path Cluster::state_of(std::string_view node) const { return plan_.folder / "nodes" / node; }

std::filesystem::path Cluster::state_of_control(const PlannedControl& control) const {
  return plan_.folder / file_name(control.name);
}

std::string Cluster::last_words_of(std::string_view program) const {
  const auto log = read_file(log_of(program), 64 << 20);
  const std::string words = log ? last_line(*log) : "";
  return fmt::format("{}(log: {})", words.empty() ? "" : words + " ", log_of(program).string());
}

Status Cluster::check_programs() const {
  for (const char* program : {"yz-control", "yz-gslb", "yz-agent", "yz-edge"}) {
    if (!std::filesystem::exists(options_.bin / program)) {
      return fail(Code::kNotFound,
                  fmt::format("{} is not in {}; build it with ./dev build", program, options_.bin.string()));
    }
  }
  return {};
}

Status Cluster::prepare_geo() {
  geo_file_ = options_.geo;
  if (geo_file_.empty()) {
    geo_file_ = plan_.folder / "geo.yzg";
    const auto blocks = plan_.folder / "geo-samples.txt";
    YZ_CHECK(write_file_atomically(blocks, kSampleBlocks));
    geo::BuildPlan build;
    build.overrides = {blocks};
    build.out = geo_file_;
    YZ_TRY([[maybe_unused]] const auto report, geo::build_map(build, static_cast<std::uint64_t>(std::time(nullptr))));
  }
  geo_file_ = std::filesystem::absolute(geo_file_);
  YZ_TRY(geo_, geo::GeoMap::open(geo_file_));
  return {};
}

/// Made once; any name of the sample site and of the CDN's zone is on it.
Status Cluster::prepare_certificate() {
  if (std::filesystem::exists(plan_.certificate())) return {};
  constexpr auto kLife = std::chrono::hours(24 * 825);
  const std::string names = fmt::format("DNS:{0},DNS:*.{1},DNS:*.{0}.{1}", plan_.domain, plan_.zone);
  YZ_TRY(const net::SelfSigned made, net::make_self_signed(names, kLife));
  YZ_CHECK(write_file_atomically(plan_.certificate_key(), made.key_pem, 0600));
  return write_file_atomically(plan_.certificate(), made.chain_pem, 0600);
}

Status Cluster::start_program(const std::string& name, const std::string& program, const json& settings) {
  const auto file = plan_.folder / (file_name(name) + ".yaml");
  YZ_CHECK(write_file_atomically(file, settings.dump(2) + "\n", 0600));  // JSON is YAML
  auto started = programs_.start({name, {(options_.bin / program).string(), "--config", file.string()}, log_of(name)});
  if (!started) return fail(std::move(started).error().with_context(name));
  return {};
}

io::Task<Status> Cluster::start() {
  YZ_CO_CHECK(check_programs());
  YZ_CO_CHECK(make_folder(plan_.folder / "log"));
  YZ_CO_CHECK(make_folder(plan_.folder / "nodes"));
  YZ_CO_CHECK(prepare_geo());
  YZ_CO_CHECK(prepare_certificate());
  YZ_CO_CHECK(co_await start_stores());
  YZ_CO_CHECK(co_await start_controls());
  options_.progress("groups, nodes and policy");
  YZ_CO_CHECK(co_await ensure_resources());
  options_.progress("scheduler and edges");
  YZ_CO_CHECK(co_await start_scheduler());
  for (const PlannedNode& node : plan_.nodes) YZ_CO_CHECK(co_await start_agent(node));
  co_return co_await wait_until_ready(seconds(60));
}

io::Task<void> Cluster::stop() { co_await programs_.stop_all(seconds(8)); }

io::Task<Result<std::uint64_t>> Cluster::ensure(std::string path, json wanted) {
  const std::string name = wanted["name"];
  auto found = co_await api_.find(path, name);
  if (!found && found.error().code != Code::kNotFound) co_return fail(std::move(found).error());
  if (!found) {
    found = co_await api_.post(path, wanted);
    if (!found) co_return fail(std::move(found).error().with_context(fmt::format("creating {} in {}", name, path)));
    co_return (*found)["id"].get<std::uint64_t>();
  }
  const auto id = (*found)["id"].get<std::uint64_t>();
  bool differs = false;
  for (const auto& [key, value] : wanted.items()) differs = differs || !found->contains(key) || (*found)[key] != value;
  if (differs) {
    YZ_CO_TRY([[maybe_unused]] const json changed, co_await api_.patch(fmt::format("{}/{}", path, id), wanted));
  }
  co_return id;
}

io::Task<Status> Cluster::ensure_resources() {
  YZ_CO_TRY([[maybe_unused]] const json settings,
            co_await api_.patch("/api/v1/settings", cluster_settings(plan_.zone)));
  const json sample = {{"name", "sample"}};
  YZ_CO_TRY([[maybe_unused]] const auto tenant, co_await ensure("/api/v1/tenants", sample));
  const json l2_group = {{"name", "l2"}, {"tier", "l2"}};
  YZ_CO_TRY(const auto l2, co_await ensure("/api/v1/node-groups", l2_group));
  YZ_CO_TRY(const auto beijing,
            co_await ensure("/api/v1/node-groups", l1_group("beijing-unicom", "CN-BJ", "unicom", l2)));
  YZ_CO_TRY(const auto guangdong,
            co_await ensure("/api/v1/node-groups", l1_group("guangdong-telecom", "CN-GD", "telecom", l2)));
  for (const PlannedNode& node : plan_.nodes) {
    const std::uint64_t group = node.group == "l2" ? l2 : node.group == "beijing-unicom" ? beijing : guangdong;
    const json wanted = {{"name", node.name},
                         {"group", group},
                         {"addresses", {to_string(node.address)}},
                         {"http_port", plan_.edge_port},
                         {"https_port", plan_.https_port}};
    YZ_CO_TRY([[maybe_unused]] const auto id, co_await ensure("/api/v1/nodes", wanted));
  }
  const json policy = {{"name", "default"}, {"default_groups", {beijing, guangdong}}, {"ttl", 30}, {"degraded_ttl", 5}};
  YZ_CO_TRY([[maybe_unused]] const auto policy_id, co_await ensure("/api/v1/policies", policy));
  co_return Status();
}

io::Task<Status> Cluster::start_scheduler() {
  const auto state = plan_.folder / "gslb";
  std::string token;
  if (!std::filesystem::exists(state / "identity.json")) {
    const json wanted = {{"role", "scheduler"}, {"name", "gslb-1"}};
    YZ_CO_TRY(const json made, co_await api_.post("/api/v1/nodes/join-tokens", wanted));
    token = made.value("token", "");
  }
  json settings = {{"listen", {fmt::format("127.0.0.1:{}", plan_.dns_port)}},
                   {"http", {fmt::format("127.0.0.1:{}", plan_.gslb_port)}},
                   {"geo", geo_file_.string()},
                   {"state", state.string()},
                   {"control", node_addresses_of_control()},
                   {"name", "gslb-1"}};
  if (!token.empty()) settings["join_token"] = token;
  co_return start_program("gslb", "yz-gslb", settings);
}

json Cluster::edge_settings(const PlannedNode& node) const {
  json out = {{"listen", {to_string(edge(node))}},
              {"tls_listen", {to_string(Endpoint{node.address, plan_.https_port})}},
              {"cert", {plan_.certificate().string()}},
              {"key", {plan_.certificate_key().string()}},
              {"memory", options_.edge_memory},
              {"workers", 1},
              {"log_budget", "64MiB"},
              {"geo_map", geo_file_.string()},
              {"access_log", (plan_.folder / "log" / (node.name + ".access.json")).string()}};
  if (!options_.edge_disk.empty()) {
    out["disk"] = {fmt::format("{}:{}:sparse", (state_of(node.name) / "cache").string(), options_.edge_disk)};
  }
  return out;
}

io::Task<Status> Cluster::start_agent(const PlannedNode& node) {
  const auto state = state_of(node.name);
  json settings = {{"control", node_addresses_of_control()},
                   {"name", node.name},
                   {"state", state.string()},
                   {"access_log_every", "2s"},
                   {"edge", {{"binary", (options_.bin / "yz-edge").string()}, {"settings", edge_settings(node)}}}};
  if (!std::filesystem::exists(state / "identity.pem")) {
    YZ_CO_TRY(const json found, co_await api_.find("/api/v1/nodes", node.name));
    const json wanted = {{"role", "edge"}, {"node", found["id"]}};
    YZ_CO_TRY(const json made, co_await api_.post("/api/v1/nodes/join-tokens", wanted));
    settings["join_token"] = made["token"];
  }
  co_return start_program(agent_name(node.name), "yz-agent", settings);
}

io::Task<Status> Cluster::wait_until_ready(milliseconds timeout) {
  const MonoTime deadline = reactor_.in(timeout);
  while (true) {
    std::string waiting;
    const auto states = co_await api_.get("/api/v1/node-states");
    if (!states) {
      waiting = states.error().message;
      (void)co_await find_leader();
    } else {
      const std::uint64_t newest = states->value("config_seq", std::uint64_t{0});
      std::size_t ready = 0;
      for (const json& state : (*states)["items"]) {
        const bool is_ready = state.value("ready", false) && state.value("config_seq", std::uint64_t{0}) == newest;
        is_ready ? void(++ready) : void(waiting = agent_name(state.value("name", "")));
      }
      const auto& schedulers = (*states)["schedulers"];
      const bool has_scheduler = !schedulers.empty() && schedulers[0].value("config_seq", std::uint64_t{0}) == newest;
      if (ready == plan_.nodes.size() && has_scheduler) co_return Status();
      if (waiting.empty() && !has_scheduler) waiting = "gslb";
    }
    if (reactor_.now() >= deadline) {
      co_return fail(Code::kTimeout, fmt::format("{} is not ready: {}", waiting, last_words_of(waiting)));
    }
    co_await io::sleep_for(milliseconds(20));
  }
}

io::Task<Result<json>> Cluster::ensure_domain(std::string name, std::string origin_host, std::uint16_t origin_port,
                                              bool origin_tls) {
  YZ_CO_TRY(const json tenant, co_await api_.find("/api/v1/tenants", "sample"));
  const json origins = json::array(
      {{{"host", origin_host}, {"port", origin_port}, {"tls", origin_tls}, {"weight", 1}, {"backup", false}}});
  const json origin_group = {{"name", "origin of " + name}, {"tenant", tenant["id"]}, {"origins", origins}};
  YZ_CO_TRY(const auto group, co_await ensure("/api/v1/origin-groups", origin_group));
  const json domain = {{"name", name}, {"tenant", tenant["id"]}, {"origin_group", group}, {"correction", true}};
  YZ_CO_TRY(const auto id, co_await ensure("/api/v1/domains", domain));
  co_return co_await api_.get(fmt::format("/api/v1/domains/{}", id));
}

io::Task<Status> Cluster::wait_for_dns(std::string name, milliseconds timeout) {
  const MonoTime deadline = reactor_.in(timeout);
  while (true) {
    const auto answer = co_await resolve_through(dns(), name, std::nullopt);
    if (answer && !answer->addresses.empty()) co_return Status();
    if (reactor_.now() >= deadline) {
      co_return fail(Code::kTimeout, fmt::format("DNS does not answer for {}: {}", name, last_words_of("gslb")));
    }
    co_await io::sleep_for(milliseconds(10));
  }
}

Result<IpAddress> sample_address(const geo::GeoMap& map, geo::Province province, geo::Isp isp,
                                 std::string_view wanted) {
  const auto is_there = [&](const geo::GeoInfo& info) { return info.province == province && info.isp == isp; };
  YZ_TRY(const IpAddress address, IpAddress::parse(wanted));
  if (is_there(map.lookup(address))) return address;
  std::optional<IpAddress> found;
  map.for_each_range(IpFamily::kV4, [&](const IpAddress& first, const IpAddress& last, const geo::GeoInfo& info) {
    if (found || !is_there(info)) return;
    const std::uint32_t start = (first.v4_value() + 255) & ~255u;
    if (start >= first.v4_value() && last.v4_value() >= start + 255) found = IpAddress::v4(start + 9);
  });
  if (!found) {
    return fail(Code::kNotFound,
                fmt::format("the address map has no block of {} {}", geo::to_string(province), geo::to_string(isp)));
  }
  return *found;
}

}  // namespace yz::cli
