#include "control/live.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

io::Task<Outcome> explain(Live& live, Call call) {
  co_return live.explainer().explain(call, live.hub().node_states(), live.hub().probes());
}

}  // namespace

Routes explain_routes(Live& live) {
  return {{"GET", "/api/v1/explain", "explain:read",
           LoopHandler([&live](Call call) { return explain(live, std::move(call)); })}};
}

}  // namespace yz::control
