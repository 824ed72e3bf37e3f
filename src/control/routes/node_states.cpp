#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/routes/routes.h"
#include "model/enum_names.h"
#include "model/json.h"

namespace yz::control {
namespace {

nlohmann::json render(const model::HealthVerdict& verdict) {
  nlohmann::json out = {{"health", model::name_of(verdict.health)}};
  if (verdict.since != WallTime{}) out["since"] = format_rfc3339(verdict.since);
  if (!verdict.reason.empty()) out["reason"] = verdict.reason;
  return out;
}

using Relays = std::map<model::NodeId, RelayPeer>;

std::string relay_name(model::NodeId id, const Relays& relays) {
  const auto it = relays.find(id);
  return it == relays.end() ? to_string(id) : it->second.name;
}

nlohmann::json render(const NodePeer* peer, const model::Node& node, const Relays& relays) {
  const model::NodeState state = peer != nullptr ? peer->state : model::NodeState{};
  nlohmann::json out = {{"node", node.id.value},
                        {"name", node.name},
                        {"group", node.group.value},
                        {"connected", state.connected},
                        {"ready", state.ready},
                        {"draining", state.draining || node.draining},
                        {"config_seq", state.acked_config.value},
                        {"purge_seq", state.applied_purge.value},
                        {"load", model::to_json(state.load)}};
  if (peer != nullptr) {
    out["last_heartbeat"] = format_rfc3339(state.last_heartbeat);
    out["version"] = peer->version;
    if (!peer->config_error.empty()) out["config_error"] = peer->config_error;
    if (peer->session && peer->session->relay()) out["relay"] = relay_name(peer->session->relay(), relays);
  }
  return out;
}

nlohmann::json render(const NodePeer& scheduler) {
  nlohmann::json out = {{"name", scheduler.name},
                        {"connected", scheduler.is_connected()},
                        {"config_seq", scheduler.state.acked_config.value},
                        {"version", scheduler.version}};
  if (!scheduler.config_error.empty()) out["config_error"] = scheduler.config_error;
  return out;
}

io::Task<Outcome> list(Live& live, const ConfigState& state) {
  const model::SnapshotPtr config = state.current();
  nlohmann::json items = nlohmann::json::array();
  const auto probed = live.hub().probes().worst();
  for (const auto& [id, entry] : config->nodes) {
    nlohmann::json item = render(live.hub().find(id), *entry.value, live.hub().relays());
    if (const auto verdict = probed.find(id); verdict != probed.end()) item["probe"] = render(verdict->second);
    items.push_back(std::move(item));
  }
  nlohmann::json schedulers = nlohmann::json::array();
  for (const auto& [id, peer] : live.hub().peers()) {
    if (peer.role == rpc::Role::kScheduler) schedulers.push_back(render(peer));
  }
  std::map<model::NodeId, std::uint64_t> below;
  for (const auto& [id, peer] : live.hub().peers()) {
    if (peer.session && peer.session->relay()) ++below[peer.session->relay()];
  }
  nlohmann::json relays = nlohmann::json::array();
  for (const auto& [id, relay] : live.hub().relays()) {
    relays.push_back({{"name", relay.name},
                      {"connected", relay.session != nullptr},
                      {"nodes", below[id]},
                      {"version", relay.version}});
  }
  co_return json_reply({{"items", std::move(items)},
                        {"schedulers", std::move(schedulers)},
                        {"relays", std::move(relays)},
                        {"config_seq", config->seq.value},
                        {"purge_seq", live.feed().head().value}});
}

}  // namespace

Routes node_state_routes(Live& live, const ConfigState& state) {
  return {{"GET", "/api/v1/node-states", "node:read",
           LoopHandler([&live, &state](Call /*call*/) { return list(live, state); })}};
}

}  // namespace yz::control
