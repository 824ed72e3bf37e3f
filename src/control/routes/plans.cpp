#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/billing_store.h"

namespace yz::control {
namespace {

nlohmann::json render(const store::StoredPlan& plan) {
  return {{"id", plan.id.value},
          {"name", plan.name},
          {"version", plan.version},
          {"plan", billing::to_json(plan.plan)},
          {"created", format_rfc3339(plan.created)}};
}

/// The "plan" of a body; pointers of its problems begin there.
tl::expected<billing::Plan, Problem> read_plan_of(const nlohmann::json& body) {
  const auto it = body.find("plan");
  if (it == body.end()) return refuse(unprocessable("/plan", "expected a plan"));
  auto plan = billing::read_plan(*it);
  if (plan) return *std::move(plan);
  model::Problems problems = std::move(plan).error();
  for (model::Problem& one : problems) one.pointer.insert(0, "/plan");
  return refuse(unprocessable(std::move(problems)));
}

tl::expected<void, Problem> check_fields(const nlohmann::json& body, std::string_view name_field) {
  for (const auto& [name, value] : body.items()) {
    if (name != "plan" && name != name_field) return refuse(unprocessable("/" + name, "there is no such field"));
  }
  return {};
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto found, store::BillingStore(tx).plans(*page));
    nlohmann::json items = nlohmann::json::array();
    for (const store::StoredPlan& plan : found.items) items.push_back(render(plan));
    return page_reply(std::move(items), found.next);
  });
}

Outcome get(const RouteContext& context, const Call& call) {
  std::optional<std::uint64_t> version;
  if (const auto text = call.parameter("version")) {
    version = parse_u64(*text);
    if (!version) return refuse(bad_request("version must be a whole number."));
  }
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto plan = store::BillingStore(tx).plan(store::PlanId{call.id()}, version);
    if (!plan && plan.error().code == Code::kNotFound) return refuse(not_found("plan"));
    if (!plan) return refuse(Problem(plan.error()));
    return json_reply(render(*plan));
  });
}

Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  if (auto fields = check_fields(*body, "name"); !fields) return refuse(fields.error());
  const auto name = body->find("name");
  const bool has_name = name != body->end() && name->is_string() &&
                        !trim(name->get_ref<const std::string&>()).empty() &&
                        name->get_ref<const std::string&>().size() <= 128;
  if (!has_name) return refuse(unprocessable("/name", "expected a name of at most 128 bytes"));
  auto plan = read_plan_of(*body);
  if (!plan) return refuse(plan.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      YZ_TRY(const auto made, store::BillingStore(tx).create_plan(call.author(), name->get<std::string>(), *plan));
      return json_reply(render(made), 201);
    });
  });
}

Outcome add_version(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  if (auto fields = check_fields(*body, "plan"); !fields) return refuse(fields.error());
  auto plan = read_plan_of(*body);
  if (!plan) return refuse(plan.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      auto made = store::BillingStore(tx).add_version(call.author(), store::PlanId{call.id()}, *plan);
      if (!made && made.error().code == Code::kNotFound) return refuse(not_found("plan"));
      if (!made) return refuse(Problem(made.error()));
      return json_reply(render(*made), 201);
    });
  });
}

}  // namespace

Routes plan_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {{"GET", "/api/v1/plans", "plan:read", bind(list)},
          {"POST", "/api/v1/plans", "plan:write", bind(create)},
          {"GET", "/api/v1/plans/{id}", "plan:read", bind(get)},
          {"POST", "/api/v1/plans/{id}/versions", "plan:write", bind(add_version)}};
}

}  // namespace yz::control
