#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/routes/routes.h"
#include "control/version.h"

namespace yz::control {
namespace {

/// Answers from memory: a store that is busy does not make the instance unhealthy.
io::Task<Outcome> health(Live& live, const ConfigState& state) {
  co_return json_reply({{"status", "ok"},
                        {"leader", live.leader().is_held()},
                        {"config_seq", state.current()->seq.value},
                        {"purge_seq", live.feed().head().value},
                        {"nodes_connected", live.hub().connected(rpc::Role::kEdge).size()},
                        {"version", kVersion}});
}

io::Task<Outcome> expose(Live& live, metrics::Registry& registry) {
  registry.gauge("yz_control_nodes_connected", "Edge nodes with a session.")
      .set(static_cast<std::int64_t>(live.hub().connected(rpc::Role::kEdge).size()));
  registry.gauge("yz_control_schedulers_connected", "Schedulers with a session.")
      .set(static_cast<std::int64_t>(live.hub().connected(rpc::Role::kScheduler).size()));
  registry.gauge("yz_control_purge_seq", "Number of the newest purge record.")
      .set(static_cast<std::int64_t>(live.feed().head().value));
  registry.gauge("yz_control_leader", "1 when this instance is the refresh master.")
      .set(live.leader().is_held() ? 1 : 0);
  Reply reply;
  reply.content_type = metrics::kExpositionType;
  reply.body = registry.expose();
  co_return reply;
}

}  // namespace

Routes health_routes(Live& live, const ConfigState& state, metrics::Registry& metrics) {
  return {
      {"GET", "/healthz", kPublic, LoopHandler([&live, &state](Call /*call*/) { return health(live, state); })},
      {"GET", "/metrics", kPublic, LoopHandler([&live, &metrics](Call /*call*/) { return expose(live, metrics); })}};
}

}  // namespace yz::control
