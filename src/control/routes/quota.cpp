// How much a tenant may refresh and prefetch today, and how much it has.

#include <nlohmann/json.hpp>

#include "control/find_tenant.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/task_quota_store.h"
#include "store/tenant_store.h"

namespace yz::control {
namespace {

nlohmann::json render(const model::TaskQuota& quota, const store::TaskUse& use, WallTime now) {
  const auto sum = [](std::uint32_t most, std::uint64_t used) -> nlohmann::json {
    return {{"quota", most}, {"used", used}};
  };
  return {{"day", format_rfc3339(now).substr(0, 10)},
          {"resets", format_rfc3339(store::quotas_reset(now))},
          {"refresh_urls", sum(quota.refresh_urls, use.refresh_urls)},
          {"refresh_groups", sum(quota.refresh_groups, use.refresh_groups)},
          {"prefetch_urls", sum(quota.prefetch_urls, use.prefetch_urls)}};
}

Outcome get(const RouteContext& context, const Call& call) {
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  if (!*tenant) return refuse(bad_request("tenant is needed: whose quota it is."));
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    if (auto known = check_asked_tenant(tx, *tenant); !known) return refuse(known.error());
    YZ_TRY(const auto row, store::TenantStore(tx).get(**tenant));
    YZ_TRY(const store::TaskUse use, store::TaskQuotaStore(tx).used(**tenant, call.now));
    return json_reply(render(row.value.quota, use, call.now));
  });
}

}  // namespace

Routes quota_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/quota", "task:read",
           BlockingHandler([context](const Call& call) { return get(context, call); })}};
}

}  // namespace yz::control
