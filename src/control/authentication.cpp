#include "control/authentication.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/ip.h"
#include "control/sign_in.h"
#include "store/token_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::minutes kTouchEvery{1};

tl::unexpected<Error> unauthenticated(std::string why) {
  return fail(Code::kUnauthenticated, std::move(why), Fault::kClient);
}

Problem csrf_missing() {
  return problem(403, "csrf", "The CSRF token is missing or wrong",
                 "Send the session's `csrf` in X-Csrf-Token with every change.");
}

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

/// Whether the client's address is in one of the blocks.
bool is_from(const std::vector<std::string>& blocks, const std::string& peer) {
  const auto address = IpAddress::parse(peer);
  return address && std::ranges::any_of(blocks, [&](const std::string& block) {
           const auto prefix = IpPrefix::parse(block);
           return prefix && prefix->contains(address->unmapped());
         });
}

Result<Principal> by_token(store::Database& database, std::string_view token, const Call& call) {
  const WallTime now = call.now;
  auto found = database.read([&](store::Transaction& tx) { return store::TokenStore(tx).authenticate(token, now); });
  if (!found) {
    if (found.error().code != Code::kUnauthenticated) return fail(std::move(found).error());
    return unauthenticated("The token is unknown, revoked or expired.");
  }
  const auto role = parse_role(found->role);
  if (!role || is_operator_role(*role) == static_cast<bool>(found->tenant)) {
    return fail(Code::kPermission, "The token's role is none of ours.", Fault::kClient);
  }
  if (!found->addresses.empty() && !is_from(found->addresses, call.peer)) {
    return fail(Code::kPermission, "The token may not be used from " + call.peer + ".", Fault::kClient);
  }
  Principal out;
  out.token_id = found->id.value;
  out.name = found->name;
  out.role = *role;
  out.tenant = found->tenant;
  out.permissions = found->permissions;
  out.is_bound_to_addresses = !found->addresses.empty();
  out.domains = found->domains;
  if (!found->last_used || now - *found->last_used > kTouchEvery) {
    // Only a note for people; the call does not fail for it.
    (void)database.write([&](store::Transaction& tx) { return store::TokenStore(tx).touch(found->id, now); });
  }
  return out;
}

Result<Principal> by_session(store::Database& database, const store::SessionLimits& limits, std::string_view secret,
                             const Call& call) {
  using Found = std::pair<store::Session, store::User>;
  auto found = database.read([&](store::Transaction& tx) -> Result<Found> {
    YZ_TRY(auto session, store::SessionStore(tx).authenticate(secret, limits, call.now));
    YZ_TRY(auto user, store::UserStore(tx).get(session.user));
    return Found{std::move(session), std::move(user.value)};
  });
  if (!found) {
    if (found.error().fault != Fault::kClient) return fail(std::move(found).error());
    return unauthenticated("The session has ended. Sign in again.");
  }
  const auto& [session, user] = *found;
  const auto role = parse_role(user.role);
  if (!user.enabled) return unauthenticated("The session has ended. Sign in again.");
  if (!role || is_operator_role(*role) == static_cast<bool>(user.tenant)) {
    return fail(Code::kPermission, "The user's role is none of ours.", Fault::kClient);
  }
  Principal out;
  out.user_id = user.id.value;
  out.session_id = session.id.value;
  out.name = user.email;
  out.role = *role;
  out.tenant = user.tenant;
  out.domains = user.domains;
  out.must_change_password = user.must_change_password;
  if (call.now - session.last_seen > kTouchEvery) {
    (void)database.write(
        [&](store::Transaction& tx) { return store::SessionStore(tx).touch(session.id, call.peer, call.now); });
  }
  return out;
}

}  // namespace

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return {};
  return trim(authorization.substr(kScheme.size()));
}

tl::expected<void, Problem> admit(store::Database& database, const store::SessionLimits& limits, Permission wanted,
                                  Call& call) {
  if (wanted == kPublic) return {};
  const std::string_view token = bearer_token(call.header("authorization").value_or(""));
  const std::string_view secret =
      token.empty() ? cookie_value(call.header("cookie").value_or(""), kSessionCookie) : std::string_view();
  if (token.empty() && secret.empty()) {
    return refuse(Problem(unauthenticated("Sign in, or send Authorization: Bearer <token>.").value()));
  }
  auto who = token.empty() ? by_session(database, limits, secret, call) : by_token(database, token, call);
  if (!who) return refuse(Problem(std::move(who).error()));
  if (token.empty() && !is_safe(call.method) &&
      !equal_in_constant_time(call.header(kCsrfHeader).value_or(""), csrf_token(secret))) {
    return refuse(csrf_missing());
  }
  if (who->must_change_password && !wanted.starts_with("self:")) {
    return refuse(problem(403, "password_change_required", "The password has to be changed",
                          "An administrator chose it. Set your own with PUT /api/v1/account/password."));
  }
  if (!who->may(wanted)) {
    return refuse(Problem(
        Error{Code::kPermission, Fault::kClient, false,
              "The role " + std::string(to_string(who->role)) + " lacks the permission " + std::string(wanted) + "."}));
  }
  call.principal = *std::move(who);
  return {};
}

}  // namespace yz::control
