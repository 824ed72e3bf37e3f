#include "control/session_json.h"

#include <nlohmann/json.hpp>

#include "control/sign_in.h"
#include "store/tenant_store.h"

namespace yz::control {

nlohmann::json permissions_json(const Principal& principal) {
  nlohmann::json out = nlohmann::json::array();
  for (const Permission permission : all_permissions()) {
    if (principal.may(permission)) out.push_back(permission);
  }
  return out;
}

Outcome describe_session(store::Transaction& tx, const store::User& user, const store::Session& session,
                         std::string_view secret, int status) {
  const auto role = parse_role(user.role);
  if (!role) {
    return refuse(Problem(Error{Code::kPermission, Fault::kClient, false, "The user's role is none of ours."}));
  }
  Principal principal;
  principal.user_id = user.id.value;
  principal.role = *role;
  principal.domains = user.domains;
  nlohmann::json out = {{"user",
                         {{"id", user.id.value},
                          {"email", user.email},
                          {"name", user.name},
                          {"second_factor", user.has_second_factor},
                          {"must_change_password", user.must_change_password}}},
                        {"tenant", nullptr},
                        {"role", user.role},
                        {"permissions", permissions_json(principal)},
                        {"csrf", csrf_token(secret)},
                        {"session", session.id.value},
                        {"expires", format_rfc3339(session.expires)}};
  if (user.tenant) {
    YZ_TRY(const auto tenant, store::TenantStore(tx).get(user.tenant));
    out["tenant"] = {{"id", tenant.value.id.value}, {"name", tenant.value.name}};
  }
  Reply reply = json_reply(out, status);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

nlohmann::json user_json(const store::Stored<store::User>& row) {
  const store::User& user = row.value;
  nlohmann::json out = {{"id", user.id.value},
                        {"email", user.email},
                        {"name", user.name},
                        {"role", user.role},
                        {"enabled", user.enabled},
                        {"second_factor", user.has_second_factor},
                        {"must_change_password", user.must_change_password},
                        {"created", format_rfc3339(row.created)}};
  if (user.tenant) out["tenant"] = user.tenant.value;
  for (const model::DomainId id : user.domains) out["domains"].push_back(id.value);
  if (!user.identity_issuer.empty()) out["identity_issuer"] = user.identity_issuer;
  if (user.last_login) out["last_login"] = format_rfc3339(*user.last_login);
  return out;
}

nlohmann::json session_json(const store::Session& session, std::uint64_t current) {
  return {{"id", session.id.value},
          {"current", session.id.value == current},
          {"created", format_rfc3339(session.created)},
          {"last_seen", format_rfc3339(session.last_seen)},
          {"expires", format_rfc3339(session.expires)},
          {"user_agent", session.user_agent},
          {"address", session.address}};
}

}  // namespace yz::control
