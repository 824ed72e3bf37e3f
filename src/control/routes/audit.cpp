#include <nlohmann/json.hpp>

#include "control/find_tenant.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/audit_log.h"

namespace yz::control {
namespace {

nlohmann::json render(const store::AuditEntry& entry) {
  nlohmann::json out = {{"id", entry.id},           {"time", format_rfc3339(entry.at)},
                        {"actor", entry.actor},     {"action", entry.action},
                        {"kind", entry.kind},       {"target", entry.target},
                        {"address", entry.address}, {"request_id", entry.request_id},
                        {"hash", entry.hash}};
  if (entry.tenant) out["tenant"] = entry.tenant.value;
  if (nlohmann::json detail = nlohmann::json::parse(entry.detail, nullptr, false); !detail.is_discarded()) {
    out["detail"] = std::move(detail);
  }
  return out;
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::AuditFilter filter;
    filter.tenant = *tenant;  // which may be no more: its entries stay
    filter.kind = call.parameter("kind").value_or("");
    filter.target = call.parameter("target").value_or("");
    filter.actor = call.parameter("actor").value_or("");
    YZ_TRY(const auto found, store::AuditLog(tx).list(filter, *page));
    nlohmann::json items = nlohmann::json::array();
    for (const store::AuditEntry& entry : found.items) items.push_back(render(entry));
    return page_reply(std::move(items), found.next);
  });
}

/// A whole chain that fits is 200 as well as one that does not: the question was answered.
Outcome verify(const RouteContext& context) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const store::AuditVerdict verdict, store::AuditLog(tx).verify());
    nlohmann::json out = {{"intact", !verdict.first_broken}, {"entries", verdict.entries}, {"head", verdict.head}};
    if (verdict.first_broken) out["first_broken"] = *verdict.first_broken;
    return json_reply(out);
  });
}

}  // namespace

Routes audit_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/audit", "audit:read",
           BlockingHandler([context](const Call& call) { return list(context, call); })},
          {"GET", "/api/v1/audit/verify", "audit:verify",
           BlockingHandler([context](const Call& /*call*/) { return verify(context); })}};
}

}  // namespace yz::control
