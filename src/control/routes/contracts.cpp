// Which plan holds for a tenant from which day on, and traffic it paid ahead.

#include <nlohmann/json.hpp>

#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/tenant_list.h"
#include "control/transact.h"
#include "store/billing_store.h"

namespace yz::control {
namespace {

constexpr std::uint64_t kMostGigabytes = 1'000'000'000;

nlohmann::json render(const store::Contract& contract, const store::StoredPlan& plan) {
  return {{"id", contract.id.value},
          {"tenant", contract.tenant.value},
          {"from", contract.from_day},
          {"plan", contract.plan.value},
          {"plan_name", plan.name},
          {"version", contract.version},
          {"terms", billing::to_json(plan.plan)},
          {"created", format_rfc3339(contract.created)}};
}

Outcome list_contracts(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    if (auto known = check_asked_tenant(tx, *tenant); !known) return refuse(known.error());
    store::BillingStore billing(tx);
    YZ_TRY(const auto found, billing.contracts(*page, *tenant));
    nlohmann::json items = nlohmann::json::array();
    for (const store::Contract& contract : found.items) {
      YZ_TRY(const store::StoredPlan plan, billing.plan(contract.plan, contract.version));
      items.push_back(render(contract, plan));
    }
    return page_reply(std::move(items), found.next);
  });
}

Outcome create_contract(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"tenant", "plan", "version", "from"});
  store::Contract wanted;
  wanted.tenant = model::TenantId{reader.number("tenant", true).value_or(0)};
  wanted.plan = store::PlanId{reader.number("plan", true).value_or(0)};
  const auto version = reader.number("version");
  wanted.from_day = reader.text("from", true).value_or("");
  if (reader.ok() && !billing::parse_day(wanted.from_day, std::chrono::minutes(0))) {
    reader.wrong("/from", "expected a day such as 2026-11-01");
  }
  if (!reader.ok()) return refuse(reader.problem());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      store::BillingStore billing(tx);
      if (auto known = check_tenant(tx, wanted.tenant); !known) return refuse(known.error());
      auto plan = billing.plan(wanted.plan, version);
      if (!plan && plan.error().code == Code::kNotFound) return refuse(unprocessable("/plan", "there is no such plan"));
      if (!plan) return refuse(Problem(plan.error()));
      wanted.version = plan->version;
      YZ_TRY(const store::Contract made, billing.create_contract(call.author(wanted.tenant), wanted));
      return json_reply(render(made, *plan), 201);
    });
  });
}

Outcome remove_contract(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto done = store::BillingStore(tx).remove_contract(call.author(), store::ContractId{call.id()});
    if (!done && done.error().code == Code::kNotFound) return refuse(not_found("contract"));
    if (!done) return refuse(Problem(done.error()));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

nlohmann::json render(const store::StoredPackage& package) {
  const auto time = [](std::uint32_t minute) { return format_rfc3339(WallTime(std::chrono::minutes(minute))); };
  return {{"id", package.id.value},
          {"tenant", package.tenant.value},
          {"item", package.item},
          {"bytes", package.bytes},
          {"from", time(package.from_minute)},
          {"until", time(package.until_minute)},
          {"created", format_rfc3339(package.created)}};
}

Outcome list_packages(const RouteContext& context, const Call& call) {
  const auto find = [](store::Transaction& tx, store::Page page, std::optional<model::TenantId> tenant) {
    return store::BillingStore(tx).packages(page, tenant);
  };
  return list_by_tenant(context.database, call, find,
                        [](const store::StoredPackage& package) { return render(package); });
}

std::uint32_t read_minute(BodyReader& reader, std::string_view name) {
  const auto text = reader.text(name, true);
  const auto time = text ? parse_rfc3339(*text) : Result<WallTime>(WallTime());
  const bool fits = time && *time >= WallTime() && *time < WallTime(std::chrono::years(200));
  if (!fits) {
    reader.wrong("/" + std::string(name), "expected a time such as 2026-11-21T03:04:05Z");
    return 0;
  }
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::minutes>(*time).time_since_epoch().count());
}

Outcome create_package(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"tenant", "item", "gb", "from", "until"});
  store::StoredPackage wanted;
  wanted.tenant = model::TenantId{reader.number("tenant", true).value_or(0)};
  wanted.item = reader.text("item", true).value_or("");
  if (wanted.item.empty() || wanted.item.size() > 64) reader.wrong("/item", "expected the id of a traffic item");
  const std::uint64_t gigabytes = reader.number("gb", true).value_or(0);
  if (gigabytes == 0 || gigabytes > kMostGigabytes) reader.wrong("/gb", "expected 1 to 1,000,000,000");
  wanted.from_minute = read_minute(reader, "from");
  wanted.until_minute = read_minute(reader, "until");
  if (wanted.from_minute >= wanted.until_minute) reader.wrong("/until", "expected a time after from");
  if (!reader.ok()) return refuse(reader.problem());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      store::BillingStore billing(tx);
      if (auto known = check_tenant(tx, wanted.tenant); !known) return refuse(known.error());
      YZ_TRY(const auto starts, billing.plan_starts(wanted.tenant));
      if (starts.empty()) return refuse(conflict("The tenant has no contract, so a GB has no size yet."));
      const std::uint64_t base = starts.front().plan.gb_base;
      wanted.bytes = gigabytes * base * base * base;
      YZ_TRY(const store::StoredPackage made, billing.create_package(call.author(wanted.tenant), wanted));
      return json_reply(render(made), 201);
    });
  });
}

}  // namespace

Routes contract_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {{"GET", "/api/v1/contracts", "billing:read", bind(list_contracts)},
          {"POST", "/api/v1/contracts", "billing:write", bind(create_contract)},
          {"DELETE", "/api/v1/contracts/{id}", "billing:write", bind(remove_contract)},
          {"GET", "/api/v1/packages", "billing:read", bind(list_packages)},
          {"POST", "/api/v1/packages", "billing:write", bind(create_package)}};
}

}  // namespace yz::control
