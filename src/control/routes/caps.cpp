// The most that a domain, or all of a tenant's together, may use.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "billing/money.h"
#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/tenant_list.h"
#include "control/transact.h"
#include "model/enum_names.h"
#include "store/cap_store.h"

namespace yz::control {
namespace {

using model::CapKind;

/// Bits a second, bytes, units of the currency: more than anybody uses, and far from where sums overflow.
constexpr std::uint64_t kMostBits = 1'000'000'000'000'000;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 52;
constexpr std::uint64_t kMostUnits = 1'000'000'000'000;
constexpr auto kMicros = static_cast<std::uint64_t>(billing::kMicrosPerUnit);

nlohmann::json render(const store::Cap& cap, const model::ConfigSnapshot& config) {
  nlohmann::json out = {{"id", cap.id.value},
                        {"tenant", cap.tenant.value},
                        {"kind", model::name_of(cap.kind)},
                        {"set_by", cap.by_operator ? "operator" : "tenant"},
                        {"created", format_rfc3339(cap.created)}};
  const bool is_money = cap.kind == CapKind::kSpend;
  const auto amount = [is_money](std::uint64_t value) -> nlohmann::json {
    if (is_money) return static_cast<double>(value) / static_cast<double>(kMicros);
    return value;
  };
  out["limit"] = is_money ? cap.limit / kMicros : cap.limit;
  if (cap.domain) {
    out["domain"] = cap.domain.value;
    if (const model::Domain* domain = config.domains.find(cap.domain)) out["domain_name"] = domain->name;
  }
  if (cap.seen != WallTime()) {
    out["used"] = amount(cap.used);
    out["seen"] = format_rfc3339(cap.seen);
  }
  if (cap.reached != WallTime()) out["reached"] = format_rfc3339(cap.reached);
  if (const model::Suspension* suspension = config.suspensions.find(cap.suspension)) {
    out["suspended_until"] = format_rfc3339(suspension->until);
  }
  return out;
}

Outcome list(const RouteContext& context, const Call& call) {
  std::optional<bool> suspended;
  if (const auto text = call.parameter("suspended")) {
    if (*text != "true" && *text != "false") return refuse(bad_request("suspended must be true or false."));
    suspended = *text == "true";
  }
  const auto find = [suspended](store::Transaction& tx, store::Page page, std::optional<model::TenantId> tenant) {
    return store::CapStore(tx).list(page, {.tenant = tenant, .suspended = suspended});
  };
  return list_by_tenant(context.database, call, find,
                        [config = context.state.current()](const store::Cap& cap) { return render(cap, *config); });
}

/// The body's `limit` in the store's units.
std::uint64_t read_limit(BodyReader& reader, CapKind kind) {
  const std::uint64_t limit = reader.number("limit", true).value_or(1);
  const std::uint64_t most = kind == CapKind::kBandwidth ? kMostBits
                             : kind == CapKind::kTraffic ? kMostBytes
                                                         : kMostUnits;
  if (limit == 0 || limit > most) reader.wrong("/limit", fmt::format("expected 1 to {}", most));
  return kind == CapKind::kSpend ? std::min(limit, most) * kMicros : limit;
}

tl::expected<store::Cap, Problem> read_cap(const nlohmann::json& body, const Call& call,
                                           const model::ConfigSnapshot& config) {
  BodyReader reader(body, {"tenant", "domain", "kind", "limit"});
  store::Cap out;
  out.by_operator = call.principal.is_operator();
  if (const auto kind = reader.choice("kind", {"bandwidth", "traffic", "spend"}, true)) {
    out.kind = *model::from_name<CapKind>(*kind);
  }
  out.limit = read_limit(reader, out.kind);
  const auto tenant = reader.number("tenant");
  out.tenant = tenant && out.by_operator ? model::TenantId{*tenant} : call.principal.tenant;
  if (tenant && !out.by_operator && *tenant != call.principal.tenant.value) {
    reader.wrong("/tenant", "there is no such tenant");
  }
  if (const auto domain = reader.number("domain")) {
    const model::Domain* found = config.domains.find(model::DomainId{*domain});
    const bool is_theirs = found != nullptr && (out.by_operator || found->tenant == out.tenant);
    if (!is_theirs || (tenant && found->tenant != out.tenant)) {
      reader.wrong("/domain", "the tenant has no such domain");
    } else {
      out.domain = found->id;
      out.tenant = found->tenant;
    }
    if (out.kind == CapKind::kSpend) reader.wrong("/domain", "what is spent is known of a whole tenant only");
  } else if (reader.ok() && !out.tenant) {
    reader.wrong("/tenant", "expected a tenant or a domain");
  }
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  const model::SnapshotPtr config = context.state.current();
  const auto wanted = read_cap(*body, call, *config);
  if (!wanted) return refuse(wanted.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    return once(tx, call, [&]() -> Outcome {
      if (auto known = check_tenant(tx, wanted->tenant); !known) return refuse(known.error());
      auto made = store::CapStore(tx).create(call.author(wanted->tenant), *wanted);
      if (!made && made.error().code == Code::kLimit) return refuse(conflict(made.error().message + '.'));
      if (!made) return refuse(Problem(made.error()));
      return json_reply(render(*made, *config), 201);
    });
  });
}

/// The cap a path names, if it exists for the caller and may be changed by it.
tl::expected<store::Cap, Problem> find_for_change(store::Transaction& tx, const Call& call) {
  YZ_TRY(auto cap, store::CapStore(tx).get(store::CapId{call.id()}));
  if (!cap || !call.principal.may_see(cap->tenant)) return refuse(not_found("cap"));
  if (cap->by_operator && !call.principal.is_operator()) {
    return refuse(problem(403, "permission", "Not allowed", "The operator has set this cap; ask for another one."));
  }
  return *std::move(cap);
}

Outcome change(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  const model::SnapshotPtr config = context.state.current();
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto cap = find_for_change(tx, call);
    if (!cap) return refuse(cap.error());
    BodyReader reader(*body, {"limit"});
    const std::uint64_t limit = read_limit(reader, cap->kind);
    if (!reader.ok()) return refuse(reader.problem());
    YZ_TRY(const store::Cap changed, store::CapStore(tx).set_limit(call.author(cap->tenant), cap->id, limit));
    return json_reply(render(changed, *config));
  });
}

Outcome remove(const RouteContext& context, const Call& call) {
  const auto body = [&](store::Transaction& tx, std::vector<model::ResourceKey>&) -> Outcome {
    const auto cap = find_for_change(tx, call);
    if (!cap) return refuse(cap.error());
    YZ_CHECK(store::CapStore(tx).remove(call.author(cap->tenant), cap->id));
    Reply reply;
    reply.status = 204;
    return reply;
  };
  return change_config(context.database, context.state, body);
}

}  // namespace

Routes cap_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {{"GET", "/api/v1/caps", "cap:read", bind(list)},
          {"POST", "/api/v1/caps", "cap:write", bind(create)},
          {"PATCH", "/api/v1/caps/{id}", "cap:write", bind(change)},
          {"DELETE", "/api/v1/caps/{id}", "cap:write", bind(remove)}};
}

}  // namespace yz::control
