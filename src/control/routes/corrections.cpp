#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

io::Task<Outcome> list(Live& live, const ConfigState& state) {
  const model::SnapshotPtr config = state.current();
  const auto node_name = [&config](model::NodeId id) {
    const model::Node* node = config->nodes.find(id);
    return node != nullptr ? node->name : std::string();
  };
  nlohmann::json items = nlohmann::json::array();
  for (const rpc::Correction& correction : live.hub().recent_corrections()) {
    const model::Domain* domain = config->domains.find(correction.domain);
    if (domain == nullptr) continue;
    nlohmann::json item = {{"domain", domain->id.value},
                           {"domain_name", domain->name},
                           {"client_class", correction.client_class},
                           {"from", correction.from.value},
                           {"from_name", node_name(correction.from)},
                           {"to", correction.to.value},
                           {"to_name", node_name(correction.to)},
                           {"count", correction.count}};
    if (!correction.resolver_class.empty()) item["resolver_class"] = correction.resolver_class;
    items.push_back(std::move(item));
  }
  co_return json_reply({{"items", std::move(items)}});
}

}  // namespace

Routes correction_routes(Live& live, const ConfigState& state) {
  return {{"GET", "/api/v1/corrections", "node:read",
           LoopHandler([&live, &state](Call /*call*/) { return list(live, state); })}};
}

}  // namespace yz::control
