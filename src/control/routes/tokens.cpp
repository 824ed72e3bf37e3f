#include <nlohmann/json.hpp>

#include "control/body.h"
#include "control/idempotency.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/tenant_store.h"
#include "store/token_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::hours kLongestValidity{24 * 365 * 10};

nlohmann::json render(const store::ApiToken& token) {
  nlohmann::json out = {
      {"id", token.id.value}, {"name", token.name}, {"role", token.role}, {"created", format_rfc3339(token.created)}};
  if (token.tenant) out["tenant"] = token.tenant.value;
  if (token.expires) out["expires"] = format_rfc3339(*token.expires);
  if (token.last_used) out["last_used"] = format_rfc3339(*token.last_used);
  return out;
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto found, store::TokenStore(tx).list(*page));
    nlohmann::json items = nlohmann::json::array();
    for (const store::ApiToken& token : found.items) items.push_back(render(token));
    return page_reply(std::move(items), found.next);
  });
}

tl::expected<store::ApiToken, Problem> read_token(const nlohmann::json& body, WallTime now) {
  BodyReader reader(body, {"name", "role", "tenant", "valid_for"});
  store::ApiToken out;
  out.name = reader.text("name", true).value_or("");
  if (out.name.size() > 128) reader.wrong("/name", "expected at most 128 bytes");
  out.role = reader.choice("role", {"operator", "tenant"}, true).value_or("");
  out.tenant = model::TenantId{reader.number("tenant", out.role == "tenant").value_or(0)};
  if (out.role == "operator" && out.tenant) reader.wrong("/tenant", "an operator's token is not bound to a tenant");
  if (const auto valid_for = reader.duration("valid_for", kLongestValidity)) out.expires = now + *valid_for;
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  auto wanted = read_token(*body, call.now);
  if (!wanted) return refuse(wanted.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto make = [&]() -> Outcome {
      if (wanted->tenant) {
        auto tenant = store::TenantStore(tx).get(wanted->tenant);
        if (!tenant && tenant.error().code == Code::kNotFound) {
          return refuse(unprocessable("/tenant", "there is no such tenant"));
        }
        if (!tenant) return refuse(Problem(tenant.error()));
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
    if (!token && token.error().code == Code::kNotFound) return refuse(not_found("token"));
    if (!token) return refuse(Problem(token.error()));
    if (id.value == call.principal.token_id) return refuse(conflict("A token cannot revoke itself."));
    YZ_CHECK(tokens.revoke(call.author(token->tenant), id));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

Outcome who_am_i(const Call& call) {
  nlohmann::json permissions = nlohmann::json::array();
  for (const Permission permission : all_permissions()) {
    if (is_allowed(call.principal.role, permission)) permissions.push_back(permission);
  }
  nlohmann::json out = {
      {"name", call.principal.name}, {"role", to_string(call.principal.role)}, {"permissions", std::move(permissions)}};
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
