#include <nlohmann/json.hpp>

#include "billing/pdf.h"
#include "billing/statement.h"
#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/tenant_list.h"
#include "control/transact.h"
#include "store/billing_store.h"
#include "store/tenant_store.h"

namespace yz::control {
namespace {

nlohmann::json document_of(const store::StoredStatement& statement) {
  return nlohmann::json::parse(statement.body, nullptr, false);
}

/// A list shows no lines.
nlohmann::json render(const store::StoredStatement& statement, bool is_whole) {
  const nlohmann::json document = document_of(statement);
  nlohmann::json out{{"id", statement.id.value},
                     {"tenant", statement.tenant.value},
                     {"month", statement.month},
                     {"state", statement.closed ? "closed" : "draft"},
                     {"currency", document.value("currency", "")},
                     {"total", document.value("total", "")},
                     {"created", format_rfc3339(statement.created)}};
  if (statement.closed) out["closed"] = format_rfc3339(*statement.closed);
  if (is_whole) out["document"] = document;
  return out;
}

/// The statement, unless it does not exist for this caller.
tl::expected<store::StoredStatement, Problem> find(store::Transaction& tx, const Call& call) {
  auto found = store::BillingStore(tx).statement(store::StatementId{call.id()});
  if (!found) return refuse(Problem(found.error()));
  if (!*found || !call.principal.may_see((*found)->tenant)) return refuse(not_found("statement"));
  return **std::move(found);
}

Outcome list(const RouteContext& context, const Call& call) {
  const auto find = [](store::Transaction& tx, store::Page page, std::optional<model::TenantId> tenant) {
    return store::BillingStore(tx).statements(page, tenant);
  };
  return list_by_tenant(context.database, call, find,
                        [](const store::StoredStatement& statement) { return render(statement, false); });
}

Outcome get(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto found = find(tx, call);
    if (!found) return refuse(found.error());
    return json_reply(render(*found, true));
  });
}

Outcome get_csv(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto found = find(tx, call);
    if (!found) return refuse(found.error());
    Reply reply;
    reply.content_type = "text/csv; charset=utf-8";
    reply.headers = {{"Content-Disposition", "attachment; filename=\"statement-" + found->month + ".csv\""}};
    reply.body = billing::to_csv(document_of(*found));
    return reply;
  });
}

Outcome get_pdf(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto found = find(tx, call);
    if (!found) return refuse(found.error());
    YZ_TRY(const auto tenant, store::TenantStore(tx).get(found->tenant));
    const std::string heading = tenant.value.name + (found->closed ? "" : "  (draft)");
    Reply reply;
    reply.content_type = "application/pdf";
    reply.headers = {{"Content-Disposition", "attachment; filename=\"statement-" + found->month + ".pdf\""}};
    reply.body = billing::to_pdf(document_of(*found), heading);
    return reply;
  });
}

/// Made again from stored usage: the same, or where it differs first.
Outcome recompute(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto found = find(tx, call);
    if (!found) return refuse(found.error());
    YZ_TRY(const nlohmann::json now, store::BillingStore(tx).recompute(found->id));
    const auto difference = billing::first_difference(document_of(*found), now);
    nlohmann::json out{{"id", found->id.value},
                       {"equal", !difference.has_value()},
                       {"usage_hash", now["usage_hash"]},
                       {"total", now["total"]}};
    if (difference) out["first_difference"] = *difference;
    return json_reply(out);
  });
}

Outcome draw(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"tenant", "month"});
  const model::TenantId tenant{reader.number("tenant", true).value_or(0)};
  const std::string month = reader.text("month", true).value_or("");
  if (reader.ok() && !billing::parse_month(month)) reader.wrong("/month", "expected a month such as 2026-11");
  if (!reader.ok()) return refuse(reader.problem());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      auto made = store::BillingStore(tx).draw(call.author(tenant), tenant, month);
      if (!made && made.error().code == Code::kInvalid) return refuse(unprocessable("/month", made.error().message));
      if (!made) return refuse(Problem(made.error()));
      return json_reply(render(*made, true), 201);
    });
  });
}

Outcome close(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto found = find(tx, call);
    if (!found) return refuse(found.error());
    YZ_TRY(const store::StoredStatement closed, store::BillingStore(tx).close(call.author(found->tenant), found->id));
    return json_reply(render(closed, true));
  });
}

}  // namespace

Routes statement_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {{"GET", "/api/v1/statements", "billing:read", bind(list)},
          {"POST", "/api/v1/statements", "billing:write", bind(draw)},
          {"GET", "/api/v1/statements/{id}", "billing:read", bind(get)},
          {"GET", "/api/v1/statements/{id}/csv", "billing:read", bind(get_csv)},
          {"GET", "/api/v1/statements/{id}/pdf", "billing:read", bind(get_pdf)},
          {"GET", "/api/v1/statements/{id}/recompute", "billing:read", bind(recompute)},
          {"POST", "/api/v1/statements/{id}/close", "billing:write", bind(close)}};
}

}  // namespace yz::control
