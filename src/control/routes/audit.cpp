#include <nlohmann/json.hpp>

#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/audit_log.h"

namespace yz::control {
namespace {

nlohmann::json render(const store::AuditEntry& entry) {
  nlohmann::json out = {{"id", entry.id},       {"time", format_rfc3339(entry.at)},
                        {"actor", entry.actor}, {"action", entry.action},
                        {"kind", entry.kind},   {"target", entry.target}};
  if (entry.tenant) out["tenant"] = entry.tenant.value;
  if (nlohmann::json detail = nlohmann::json::parse(entry.detail, nullptr, false); !detail.is_discarded()) {
    out["detail"] = std::move(detail);
  }
  return out;
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::AuditFilter filter;
    if (!call.principal.is_operator()) filter.tenant = call.principal.tenant;
    YZ_TRY(const auto found, store::AuditLog(tx).list(filter, *page));
    nlohmann::json items = nlohmann::json::array();
    for (const store::AuditEntry& entry : found.items) items.push_back(render(entry));
    return page_reply(std::move(items), found.next);
  });
}

}  // namespace

Routes audit_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/audit", "audit:read",
           BlockingHandler([context](const Call& call) { return list(context, call); })}};
}

}  // namespace yz::control
