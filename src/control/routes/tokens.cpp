#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/ip.h"
#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/session_json.h"
#include "control/tenant_list.h"
#include "control/transact.h"
#include "store/tenant_quota.h"
#include "store/token_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::hours kLongestValidity{24 * 365 * 10};
constexpr std::size_t kMostPermissions = 100;
constexpr std::size_t kMostAddresses = 100;
constexpr std::size_t kMostDomains = 1000;
constexpr std::uint64_t kMostTokens = 1000;  // of a tenant

nlohmann::json render(const store::ApiToken& token) {
  nlohmann::json out = {
      {"id", token.id.value}, {"name", token.name}, {"role", token.role}, {"created", format_rfc3339(token.created)}};
  if (token.tenant) out["tenant"] = token.tenant.value;
  if (token.expires) out["expires"] = format_rfc3339(*token.expires);
  if (token.last_used) out["last_used"] = format_rfc3339(*token.last_used);
  if (!token.permissions.empty()) out["permissions"] = token.permissions;
  if (!token.addresses.empty()) out["addresses"] = token.addresses;
  for (const model::DomainId id : token.domains) out["domains"].push_back(id.value);
  return out;
}

Outcome list(const RouteContext& context, const Call& call) {
  const auto find = [](store::Transaction& tx, store::Page page, std::optional<model::TenantId> tenant) {
    return store::TokenStore(tx).list(page, tenant);
  };
  return list_by_tenant(context.database, call, find, render);
}

Principal principal_of(const store::ApiToken& token) {
  Principal out;
  out.token_id = 1;  // any
  out.role = parse_role(token.role).value_or(Role::kTenant);
  out.tenant = token.tenant;
  out.permissions = token.permissions;
  out.domains = token.domains;
  return out;
}

/// What makes the token less than its role: permissions it keeps, addresses, domains.
void read_restrictions(BodyReader& reader, const nlohmann::json& body, const model::ConfigSnapshot& config,
                       store::ApiToken& token) {
  const auto role = parse_role(token.role);
  token.permissions = reader.texts("permissions", kMostPermissions);
  for (std::size_t i = 0; i < token.permissions.size(); ++i) {
    if (is_permission(token.permissions[i]) && role && is_allowed(*role, token.permissions[i])) continue;
    reader.wrong("/permissions/" + std::to_string(i), "the role has no such permission");
  }
  token.addresses = reader.texts("addresses", kMostAddresses);
  for (std::size_t i = 0; i < token.addresses.size(); ++i) {
    if (IpPrefix::parse(token.addresses[i])) continue;
    reader.wrong("/addresses/" + std::to_string(i), "expected an address or a block such as 10.0.0.0/8");
  }
  const auto domains = body.find("domains");
  if (domains == body.end() || domains->is_null()) return;
  if (!domains->is_array() || domains->size() > kMostDomains || !token.tenant) {
    return reader.wrong("/domains", "expected a list of ids of the token's tenant");
  }
  for (std::size_t i = 0; i < domains->size(); ++i) {
    const auto& item = (*domains)[i];
    const model::Domain* domain =
        config.domains.find(model::DomainId{item.is_number_unsigned() ? item.get<std::uint64_t>() : 0});
    if (domain == nullptr || domain->tenant != token.tenant) {
      reader.wrong("/domains/" + std::to_string(i), "the tenant has no such domain");
    } else {
      token.domains.push_back(domain->id);
    }
  }
}

tl::expected<store::ApiToken, Problem> read_token(const RouteContext& context, const nlohmann::json& body,
                                                  const Call& call) {
  BodyReader reader(body, {"name", "role", "tenant", "valid_for", "permissions", "addresses", "domains"});
  store::ApiToken out;
  out.name = reader.text("name", true).value_or("");
  if (out.name.size() > 128) reader.wrong("/name", "expected at most 128 bytes");
  out.role =
      reader
          .choice("role",
                  {"operator", "admin", "operations", "support", "tenant", "owner", "member", "billing", "viewer"},
                  true)
          .value_or("");
  const auto role = parse_role(out.role);
  const bool is_tenants = role && !is_operator_role(*role);
  const bool by_operator = call.principal.is_operator();
  if (const auto tenant = reader.number("tenant", is_tenants && by_operator)) {
    out.tenant = model::TenantId{*tenant};
    if (!by_operator && out.tenant != call.principal.tenant) reader.wrong("/tenant", "there is no such tenant");
  }
  if (is_tenants && !by_operator) out.tenant = call.principal.tenant;
  if (role && !is_tenants && out.tenant) reader.wrong("/tenant", "an operator's token is not bound to a tenant");
  if (const auto valid_for = reader.duration("valid_for", kLongestValidity)) out.expires = call.now + *valid_for;
  read_restrictions(reader, body, *context.state.current(), out);
  if (reader.ok() && !covers(call.principal, principal_of(out))) reader.wrong("/role", "it may do more than you may");
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wanted = read_token(context, *body, call);
  if (!wanted) return refuse(wanted.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto make = [&]() -> Outcome {
      if (wanted->tenant) {
        if (auto known = check_tenant(tx, wanted->tenant); !known) return refuse(known.error());
        YZ_TRY(const std::uint64_t present, store::count_tokens(tx, wanted->tenant));
        if (present >= kMostTokens) return refuse(conflict("A tenant has at most 1,000 tokens; revoke one first."));
      }
      YZ_TRY(const store::NewToken made, store::TokenStore(tx).create(call.author(wanted->tenant), *wanted));
      nlohmann::json out = render(made.token);
      out["token"] = made.secret;
      Reply reply = json_reply(out, 201);
      reply.headers.emplace_back("Cache-Control", "no-store");
      return reply;
    };
    return once(tx, call, make, "token");
  });
}

Outcome revoke(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::TokenStore tokens(tx);
    const store::TokenId id{call.id()};
    auto token = tokens.get(id);
    if (!token && token.error().code != Code::kNotFound) return refuse(Problem(token.error()));
    if (!token || !call.principal.may_see(token->tenant)) return refuse(not_found("token"));
    if (id.value == call.principal.token_id) return refuse(conflict("A token cannot revoke itself."));
    YZ_CHECK(tokens.revoke(call.author(token->tenant), id));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

Outcome who_am_i(const Call& call) {
  nlohmann::json out = {{"name", call.principal.name},
                        {"role", to_string(call.principal.role)},
                        {"permissions", permissions_json(call.principal)}};
  if (call.principal.token_id != 0) out["token"] = call.principal.token_id;
  if (call.principal.user_id != 0) out["user"] = call.principal.user_id;
  if (call.principal.tenant) out["tenant"] = call.principal.tenant.value;
  return json_reply(out);
}

}  // namespace

Routes token_routes(const RouteContext& context) {
  return {
      {"GET", "/api/v1/whoami", "self:read", BlockingHandler([](const Call& call) { return who_am_i(call); })},
      {"GET", "/api/v1/tokens", "token:read",
       BlockingHandler([context](const Call& call) { return list(context, call); })},
      {"POST", "/api/v1/tokens", "token:write",
       BlockingHandler([context](const Call& call) { return create(context, call); })},
      {"DELETE", "/api/v1/tokens/{id}", "token:write",
       BlockingHandler([context](const Call& call) { return revoke(context, call); })},
  };
}

}  // namespace yz::control
