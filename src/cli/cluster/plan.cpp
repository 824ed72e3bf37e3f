#include "cli/cluster/plan.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::cli {
namespace {

using nlohmann::json;

const IpAddress kLocal = IpAddress::v4(0x7f000001);

std::vector<PlannedNode> planned_nodes() {
  return {{"beijing-1", "beijing-unicom", IpAddress::v4(0x7f000101)},
          {"guangdong-1", "guangdong-telecom", IpAddress::v4(0x7f000201)},
          {"l2-1", "l2", IpAddress::v4(0x7f000301)},
          {"l2-2", "l2", IpAddress::v4(0x7f000302)}};
}

bool can_bind(const IpAddress& address, std::uint16_t port, int type) {
  const UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (type == SOCK_STREAM) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(address.v4_value());
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

/// Gives out ports that are free on all addresses they will be used on.
class PortPicker {
 public:
  explicit PortPicker(std::uint16_t first) : next_(first) {}

  /// Keeps `port` when it is still free there, otherwise the next that is.
  Result<std::uint16_t> pick(std::uint16_t port, const std::vector<IpAddress>& addresses) {
    const auto is_free = [&](std::uint16_t p) {
      return std::all_of(addresses.begin(), addresses.end(), [&](const IpAddress& a) { return is_port_free(a, p); });
    };
    if (port != 0 && is_free(port)) return port;
    for (int tries = 0; tries < 20'000; ++tries) {
      if (next_ < 1024 || next_ > 32'000) next_ = 7080;  // below the ephemeral range
      const std::uint16_t candidate = next_++;
      if (is_free(candidate)) return candidate;
    }
    return fail(Code::kLimit, "no free port between 1024 and 32000 on this machine");
  }

 private:
  std::uint16_t next_;
};

}  // namespace

bool is_port_free(const IpAddress& address, std::uint16_t port) {
  return can_bind(address, port, SOCK_STREAM) && can_bind(address, port, SOCK_DGRAM);
}

std::vector<PlannedControl> ClusterPlan::controls() const {
  std::vector<PlannedControl> out{{"control", api_port, rpc_port}};
  if (production) out.push_back({"control 2", production->api_port, production->rpc_port});
  return out;
}

std::string PlannedControl::api_url() const { return fmt::format("http://127.0.0.1:{}", api_port); }
std::string ClusterPlan::api_url() const { return controls().front().api_url(); }

Result<ClusterPlan> ClusterPlan::load(const std::filesystem::path& folder) {
  ClusterPlan plan;
  plan.folder = std::filesystem::absolute(folder).lexically_normal();
  YZ_TRY(const std::string text, read_file(plan.file(), 1 << 20));
  const json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) {
    return fail(Code::kInvalid, fmt::format("{}: not JSON; remove the folder to start afresh", plan.file().string()));
  }
  try {
    const json& ports = doc.at("ports");
    plan.api_port = ports.at("api");
    plan.rpc_port = ports.at("rpc");
    plan.dns_port = ports.at("dns");
    plan.gslb_port = ports.at("gslb");
    plan.edge_port = ports.at("edge");
    plan.https_port = ports.value("https", std::uint16_t{0});  // older plans have none
    plan.origin_port = ports.at("origin");
    plan.api_token = doc.at("api_token");
    plan.admin_password = doc.value("admin_password", "");  // older plans have none
    plan.cluster_key = doc.at("cluster_key");
    plan.zone = doc.at("zone");
    plan.domain = doc.at("domain");
    if (const auto stores = doc.find("production"); stores != doc.end()) {
      plan.production = {.api_port = stores->at("api"),
                         .rpc_port = stores->at("rpc"),
                         .database_port = stores->at("database"),
                         .database_password = stores->at("database_password"),
                         .bus_port = stores->value("bus", std::uint16_t{0}),  // older plans have none
                         .bus_password = stores->value("bus_password", ""),
                         .redis_port = stores->value("redis", std::uint16_t{0}),
                         .redis_password = stores->value("redis_password", "")};
    }
  } catch (const json::exception& e) {
    return fail(Code::kInvalid, fmt::format("{}: {}", plan.file().string(), e.what()));
  }
  plan.nodes = planned_nodes();
  return plan;
}

Result<ClusterPlan> ClusterPlan::load_or_make(const std::filesystem::path& folder, std::uint16_t first_port,
                                              Stores stores) {
  YZ_CHECK(make_folder(folder));
  auto loaded = load(folder);
  if (!loaded && loaded.error().code != Code::kNotFound) return fail(std::move(loaded).error());
  if (loaded && stores == Stores::kProduction && !loaded->production) {
    return fail(Code::kConflict,
                fmt::format("the cluster in {} was made with embedded stores; name another folder with --state",
                            folder.string()),
                Fault::kClient);
  }
  ClusterPlan plan = loaded ? *std::move(loaded) : ClusterPlan();
  if (stores == Stores::kProduction && !plan.production) plan.production.emplace();
  plan.folder = std::filesystem::absolute(folder).lexically_normal();
  plan.nodes = planned_nodes();
  if (plan.api_token.empty()) plan.api_token = "yz_" + to_base64url(secret_bytes(24));
  if (plan.admin_password.empty()) plan.admin_password = to_base64url(secret_bytes(15));
  if (plan.cluster_key.empty()) plan.cluster_key = to_hex(secret_bytes(16));

  PortPicker picker(first_port);
  std::vector<IpAddress> edges;
  for (const PlannedNode& node : plan.nodes) edges.push_back(node.address);
  const std::vector<IpAddress> local{kLocal};
  YZ_TRY(plan.api_port, picker.pick(plan.api_port, local));
  YZ_TRY(plan.rpc_port, picker.pick(plan.rpc_port, local));
  YZ_TRY(plan.dns_port, picker.pick(plan.dns_port, local));
  YZ_TRY(plan.gslb_port, picker.pick(plan.gslb_port, local));
  YZ_TRY(plan.origin_port, picker.pick(plan.origin_port, local));
  YZ_TRY(plan.edge_port, picker.pick(plan.edge_port, edges));
  YZ_TRY(plan.https_port, picker.pick(plan.https_port, edges));
  if (plan.production) {
    PlannedStores& production = *plan.production;
    YZ_TRY(production.api_port, picker.pick(production.api_port, local));
    YZ_TRY(production.rpc_port, picker.pick(production.rpc_port, local));
    YZ_TRY(production.database_port, picker.pick(production.database_port, local));
    YZ_TRY(production.bus_port, picker.pick(production.bus_port, local));
    if (production.bus_password.empty()) production.bus_password = to_base64url(secret_bytes(18));
    YZ_TRY(production.redis_port, picker.pick(production.redis_port, local));
    if (production.redis_password.empty()) production.redis_password = to_base64url(secret_bytes(18));
    if (production.database_password.empty()) production.database_password = to_base64url(secret_bytes(18));
  }
  YZ_CHECK(plan.save());
  return plan;
}

Status ClusterPlan::save() const {
  json doc = {{"ports",
               {{"api", api_port},
                {"rpc", rpc_port},
                {"dns", dns_port},
                {"gslb", gslb_port},
                {"edge", edge_port},
                {"https", https_port},
                {"origin", origin_port}}},
              {"api_token", api_token},
              {"admin_password", admin_password},
              {"cluster_key", cluster_key},
              {"zone", zone},
              {"domain", domain}};
  if (production) {
    doc["production"] = {{"api", production->api_port},           {"rpc", production->rpc_port},
                         {"database", production->database_port}, {"database_password", production->database_password},
                         {"bus", production->bus_port},           {"bus_password", production->bus_password},
                         {"redis", production->redis_port},       {"redis_password", production->redis_password}};
  }
  return write_file_atomically(file(), doc.dump(2) + "\n", 0600);
}

}  // namespace yz::cli
