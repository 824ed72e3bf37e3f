#pragma once

#include "control/call.h"
#include "control/config_state.h"
#include "io/blocking_pool.h"
#include "metrics/registry.h"
#include "store/database.h"
#include "store/session_store.h"

namespace yz::control {

class Live;
class OidcDesk;

/// What the routes work with. All outlive the routes.
struct RouteContext {
  store::Database& database;
  ConfigState& state;
  store::SessionLimits sessions;  ///< how long a browser stays signed in
  OidcDesk* oidc = nullptr;       ///< null: there is no identity provider
};

// The operations of api/openapi.yaml by resource; each function's file is named after it.
[[nodiscard]] Routes tenant_routes(const RouteContext& context);
[[nodiscard]] Routes domain_routes(const RouteContext& context);
[[nodiscard]] Routes origin_group_routes(const RouteContext& context);
[[nodiscard]] Routes node_group_routes(const RouteContext& context);
[[nodiscard]] Routes policy_routes(const RouteContext& context);
[[nodiscard]] Routes certificate_routes(const RouteContext& context);
[[nodiscard]] Routes settings_routes(const RouteContext& context);
/// Accounts at certificate authorities.
[[nodiscard]] Routes acme_account_routes(const RouteContext& context);
[[nodiscard]] Routes audit_routes(const RouteContext& context);
[[nodiscard]] Routes token_routes(const RouteContext& context);
[[nodiscard]] Routes session_routes(const RouteContext& context);
/// Signing in at an identity provider.
[[nodiscard]] Routes oidc_routes(const RouteContext& context);
[[nodiscard]] Routes account_routes(const RouteContext& context);
[[nodiscard]] Routes user_routes(const RouteContext& context);
[[nodiscard]] Routes usage_routes(const RouteContext& context);
[[nodiscard]] Routes statistics_routes(const RouteContext& context);
[[nodiscard]] Routes bandwidth_routes(const RouteContext& context);
[[nodiscard]] Routes plan_routes(const RouteContext& context);
/// The most that tenants and domains may use.
[[nodiscard]] Routes cap_routes(const RouteContext& context);
/// What is left of a day's refreshes and prefetches.
[[nodiscard]] Routes quota_routes(const RouteContext& context);
/// Contracts and packages.
[[nodiscard]] Routes contract_routes(const RouteContext& context);
[[nodiscard]] Routes statement_routes(const RouteContext& context);
[[nodiscard]] Routes config_version_routes(const RouteContext& context);
/// Nodes, drain and, with the CA whose fingerprint goes into them, join tokens.
[[nodiscard]] Routes node_routes(const RouteContext& context, std::string ca_pem);

// Those that look at what lives; `live` outlives them.
[[nodiscard]] Routes refresh_routes(Live& live, const ConfigState& state);
/// Orders at certificate authorities, renewal and revocation.
[[nodiscard]] Routes certificate_order_routes(Live& live, const RouteContext& context, io::BlockingPool& pool);
[[nodiscard]] Routes task_routes(Live& live, const RouteContext& context, io::BlockingPool& pool);
[[nodiscard]] Routes node_state_routes(Live& live, const ConfigState& state);
[[nodiscard]] Routes correction_routes(Live& live, const ConfigState& state);
[[nodiscard]] Routes rollout_routes(Live& live);
[[nodiscard]] Routes explain_routes(Live& live);
/// Access logs: what there is, and signed links to it.
[[nodiscard]] Routes log_routes(Live& live, const RouteContext& context);
/// What is asked for most, out of access logs.
[[nodiscard]] Routes top_routes(Live& live, const RouteContext& context);
/// Customers' origins and names as seen from here.
[[nodiscard]] Routes check_routes(Live& live, const RouteContext& context);
[[nodiscard]] Routes health_routes(Live& live, const ConfigState& state, metrics::Registry& metrics);

/// All operations of api/openapi.yaml.
[[nodiscard]] Routes all_routes(Live& live, const RouteContext& context, io::BlockingPool& pool,
                                metrics::Registry& metrics, const std::string& ca_pem);

}  // namespace yz::control
