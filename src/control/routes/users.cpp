// People: the operator's, and each tenant's, which its owners look after.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/body.h"
#include "control/find_tenant.h"
#include "control/idempotency.h"
#include "control/password.h"
#include "control/routes/routes.h"
#include "control/session_json.h"
#include "control/sign_in.h"
#include "control/transact.h"
#include "store/audit_log.h"
#include "store/identity_store.h"
#include "store/tenant_quota.h"

namespace yz::control {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kMostDomains = 1000;

using StoredUser = store::Stored<store::User>;

Principal principal_of(const store::User& user) {
  Principal out;
  out.user_id = 1;  // anybody
  out.role = parse_role(user.role).value_or(Role::kViewer);
  out.tenant = user.tenant;
  out.domains = user.domains;
  return out;
}

/// The user of the path, if the caller may see it.
tl::expected<StoredUser, Problem> find(store::Transaction& tx, const Call& call) {
  auto user = store::UserStore(tx).get(store::UserId{call.id()});
  if (!user && user.error().code != Code::kNotFound) return refuse(Problem(user.error()));
  if (!user || !call.principal.may_see(user->value.tenant)) return refuse(not_found("user"));
  return *std::move(user);
}

/// The same, if the caller may change it: nobody changes somebody who may do more.
tl::expected<StoredUser, Problem> find_to_change(store::Transaction& tx, const Call& call) {
  auto user = find(tx, call);
  if (user && !covers(call.principal, principal_of(user->value))) {
    return refuse(Problem(Error{Code::kPermission, Fault::kClient, false, "That user may do more than you may."}));
  }
  return user;
}

void read_domains(BodyReader& reader, const nlohmann::json& body, const model::ConfigSnapshot& config,
                  store::User& user) {
  const auto it = body.find("domains");
  if (it == body.end() || it->is_null()) return;
  user.domains.clear();
  if (!it->is_array() || it->size() > kMostDomains) return reader.wrong("/domains", "expected a list of ids");
  for (std::size_t i = 0; i < it->size(); ++i) {
    const auto& item = (*it)[i];
    const model::DomainId id{item.is_number_unsigned() ? item.get<std::uint64_t>() : 0};
    const model::Domain* domain = config.domains.find(id);
    if (domain == nullptr || domain->tenant != user.tenant) {
      reader.wrong("/domains/" + std::to_string(i), "the tenant has no such domain");
    } else {
      user.domains.push_back(id);
    }
  }
}

/// Reads a body onto `user`; what it leaves out stays. The role fits the side, and the caller may give it.
tl::expected<void, Problem> read_user(const RouteContext& context, const Call& call, const nlohmann::json& body,
                                      store::User& user, bool is_new) {
  BodyReader reader(body, {"email", "name", "role", "tenant", "domains", "enabled", "password"});
  if (const auto email = reader.text("email", is_new)) {
    user.email = canonical_email(*email);
    if (user.email.empty()) reader.wrong("/email", "expected an email address");
  }
  if (const auto name = reader.text("name")) user.name = *name;
  if (user.name.size() > kLongestName) reader.wrong("/name", "expected at most 128 bytes");
  if (const auto enabled = reader.boolean("enabled")) user.enabled = *enabled;
  if (const auto tenant = reader.number("tenant")) {
    if (is_new && call.principal.is_operator()) {
      user.tenant = model::TenantId{*tenant};
    } else if (*tenant != user.tenant.value) {
      reader.wrong("/tenant", is_new ? "there is no such tenant" : "cannot be changed");
    }
  }
  if (user.tenant) {
    user.role = reader.choice("role", {"owner", "member", "billing", "viewer"}, is_new).value_or(user.role);
  } else {
    user.role = reader.choice("role", {"admin", "operations", "support"}, is_new).value_or(user.role);
  }
  read_domains(reader, body, *context.state.current(), user);
  if (!user.domains.empty() && (user.role == "owner" || !user.tenant)) {
    reader.wrong("/domains", "are for members, billing and viewers of a tenant");
  }
  if (is_new) {
    if (const auto password = reader.text("password")) {
      if (auto fits = check_password(*password); !fits) reader.wrong("/password", fits.error().message);
    }
  } else if (body.contains("password")) {
    reader.wrong("/password", "is changed by POST to the user's password");
  }
  if (!reader.ok()) return refuse(reader.problem());
  if (!covers(call.principal, principal_of(user))) {
    return refuse(unprocessable("/role", "it may do more than you may"));
  }
  return {};
}

Reply answer(const StoredUser& user, int status) {
  Reply reply = json_reply(user_json(user), status);
  reply.headers.emplace_back("ETag", etag_of(user.version));
  return reply;
}

Outcome list(const RouteContext& context, const Call& call) {
  auto page = read_page(call);
  if (!page) return refuse(page.error());
  store::UserFilter filter;
  if (const auto email = call.parameter("email")) {
    filter.email = canonical_email(*email);
    // Without the filter somebody else would be the first of the list.
    if (filter.email.empty()) return refuse(bad_request("email must be an email address."));
  }
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  filter.tenant = *tenant;
  const bool asks_for_own = filter.tenant == model::TenantId{};  // the operator's people, who have no tenant
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    if (!asks_for_own) {
      if (auto known = check_asked_tenant(tx, filter.tenant); !known) return refuse(known.error());
    }
    YZ_TRY(const auto found, store::UserStore(tx).list(filter, *page));
    nlohmann::json items = nlohmann::json::array();
    for (const StoredUser& user : found.items) items.push_back(user_json(user));
    return page_reply(std::move(items), found.next);
  });
}

/// 201; with `password`, this once, when the body brought none.
Outcome create(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  store::User user;
  if (!call.principal.is_operator()) user.tenant = call.principal.tenant;
  if (auto read = read_user(context, call, *body, user, true); !read) return refuse(read.error());
  if (user.name.empty()) user.name = user.email.substr(0, user.email.find('@'));
  user.must_change_password = true;
  const std::string chosen = body->value("password", "");
  const std::string made = chosen.empty() ? make_password() : "";
  const std::string hash = hash_password(chosen.empty() ? made : chosen);
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const auto make = [&]() -> Outcome {
      if (user.tenant) {
        if (auto known = check_tenant(tx, user.tenant); !known) return refuse(known.error());
        YZ_TRY(const std::uint64_t present, store::count_users(tx, user.tenant));
        if (present >= store::kMostUsers)
          return refuse(conflict("A tenant has at most 1,000 users; remove one first."));
      }
      YZ_TRY(const StoredUser stored, store::UserStore(tx).create(call.author(user.tenant), user, hash));
      Reply reply = answer(stored, 201);
      if (!made.empty()) {
        nlohmann::json out = user_json(stored);
        out["password"] = made;
        reply.body = json_reply(out).body;
      }
      reply.headers.emplace_back("Location", call.path + '/' + to_string(stored.value.id));
      reply.headers.emplace_back("Cache-Control", "no-store");
      return reply;
    };
    return once(tx, call, make, "password");
  });
}

Outcome get(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find(tx, call);
    if (!user) return refuse(user.error());
    return answer(*user, 200);
  });
}

/// Whoever loses rights loses the sessions that had them.
Outcome change(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    if (auto matched = check_if_match(call, user->version); !matched) return refuse(matched.error());
    store::User next = user->value;
    if (auto read = read_user(context, call, *body, next, false); !read) return refuse(read.error());
    const bool is_self = next.id.value == call.principal.user_id;
    if (is_self && (next.role != user->value.role || !next.enabled)) {
      return refuse(conflict("Nobody takes away their own role."));
    }
    YZ_TRY(const StoredUser stored, store::UserStore(tx).update(call.author(next.tenant), next, user->version));
    if (!stored.value.enabled || stored.value.role != user->value.role) {
      YZ_CHECK(store::SessionStore(tx).revoke_all(stored.value.id));
    }
    return answer(stored, 200);
  });
}

Outcome remove(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    if (auto matched = check_if_match(call, user->version); !matched) return refuse(matched.error());
    if (user->value.id.value == call.principal.user_id) return refuse(conflict("Nobody removes themselves."));
    YZ_CHECK(store::UserStore(tx).remove(call.author(user->value.tenant), user->value.id, user->version));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

/// A new password from an administrator: the user has to change it, and is signed out everywhere.
Outcome reset_password(const RouteContext& context, const Call& call) {
  Outcome exists = read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    return Reply();
  });
  if (!exists) return exists;
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"password"});
  const auto chosen = reader.text("password");
  if (chosen) {
    if (auto fits = check_password(*chosen); !fits) reader.wrong("/password", fits.error().message);
  }
  if (!reader.ok()) return refuse(reader.problem());
  const std::string password = chosen ? *chosen : make_password();
  const std::string hash = hash_password(password);
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    const store::UserId id = user->value.id;
    if (id.value == call.principal.user_id)
      return refuse(conflict("Change your own with PUT /api/v1/account/password."));
    YZ_CHECK(store::UserStore(tx).set_password(call.author(user->value.tenant), id, hash, true, "reset_password"));
    YZ_CHECK(store::SessionStore(tx).revoke_all(id));
    Reply reply = json_reply(chosen ? nlohmann::json::object() : nlohmann::json{{"password", password}});
    reply.headers.emplace_back("Cache-Control", "no-store");
    return reply;
  });
}

/// For somebody who has lost the authenticator and the recovery codes.
Outcome drop_second_factor(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    YZ_CHECK(store::UserStore(tx).drop_totp(call.author(user->value.tenant), user->value.id, "reset_totp"));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

/// For somebody whom the identity provider knows by another subject now.
Outcome drop_identities(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    YZ_CHECK(store::IdentityStore(tx).unlink_all(call.author(user->value.tenant), user->value.id));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

Outcome list_sessions(const RouteContext& context, const Call& call) {
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find(tx, call);
    if (!user) return refuse(user.error());
    YZ_TRY(const auto found, store::SessionStore(tx).list(user->value.id, context.sessions, call.now));
    nlohmann::json items = nlohmann::json::array();
    for (const store::Session& session : found) items.push_back(session_json(session, call.principal.session_id));
    return page_reply(std::move(items), 0);
  });
}

Outcome end_sessions(const RouteContext& context, const Call& call) {
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    auto user = find_to_change(tx, call);
    if (!user) return refuse(user.error());
    YZ_CHECK(store::SessionStore(tx).revoke_all(user->value.id));
    YZ_CHECK(
        store::AuditLog(tx).add(call.author(user->value.tenant), "end_sessions", "user", to_string(user->value.id)));
    Reply reply;
    reply.status = 204;
    return reply;
  });
}

}  // namespace

Routes user_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {
      {"GET", "/api/v1/users", "user:read", bind(&list)},
      {"POST", "/api/v1/users", "user:write", bind(&create)},
      {"GET", "/api/v1/users/{id}", "user:read", bind(&get)},
      {"PATCH", "/api/v1/users/{id}", "user:write", bind(&change)},
      {"DELETE", "/api/v1/users/{id}", "user:write", bind(&remove)},
      {"POST", "/api/v1/users/{id}/password", "user:write", bind(&reset_password)},
      {"DELETE", "/api/v1/users/{id}/second-factor", "user:write", bind(&drop_second_factor)},
      {"DELETE", "/api/v1/users/{id}/identities", "user:write", bind(&drop_identities)},
      {"GET", "/api/v1/users/{id}/sessions", "user:read", bind(&list_sessions)},
      {"DELETE", "/api/v1/users/{id}/sessions", "user:write", bind(&end_sessions)},
  };
}

}  // namespace yz::control
