#include <iterator>

#include "control/routes/routes.h"

namespace yz::control {

Routes all_routes(Live& live, const RouteContext& context, io::BlockingPool& pool, metrics::Registry& metrics,
                  const std::string& ca_pem) {
  Routes out;
  for (Routes part : {tenant_routes(context),
                      domain_routes(context),
                      origin_group_routes(context),
                      node_group_routes(context),
                      policy_routes(context),
                      certificate_routes(context),
                      settings_routes(context),
                      acme_account_routes(context),
                      audit_routes(context),
                      token_routes(context),
                      session_routes(context),
                      oidc_routes(context),
                      account_routes(context),
                      user_routes(context),
                      usage_routes(context),
                      statistics_routes(context),
                      bandwidth_routes(context),
                      plan_routes(context),
                      contract_routes(context),
                      statement_routes(context),
                      cap_routes(context),
                      quota_routes(context),
                      config_version_routes(context),
                      node_routes(context, ca_pem),
                      refresh_routes(live, context.state),
                      task_routes(live, context, pool),
                      certificate_order_routes(live, context, pool),
                      node_state_routes(live, context.state),
                      correction_routes(live, context.state),
                      rollout_routes(live),
                      explain_routes(live),
                      check_routes(live, context),
                      log_routes(live, context),
                      top_routes(live, context),
                      health_routes(live, context.state, metrics)}) {
    out.insert(out.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  return out;
}

}  // namespace yz::control
