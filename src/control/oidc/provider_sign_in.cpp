#include "control/oidc/provider_sign_in.h"

#include <fmt/format.h>

#include "base/log.h"
#include "store/audit_log.h"
#include "store/identity_store.h"
#include "store/tenant_quota.h"

namespace yz::control {
namespace {

using Refused = tl::unexpected<LoginRefusal>;
using StoredUser = store::Stored<store::User>;

constexpr std::string_view kAuditDetail = R"({"by":"oidc"})";

store::Author author_of(const Call& call, const store::User& user) {
  store::Author out = call.author(user.tenant);
  out.actor = fmt::format("user:{} {}", user.id.value, user.email);
  return out;
}

/// A user as the settings want new ones; none when they want none, or the tenant has no room.
Result<std::optional<StoredUser>> make_user(store::Transaction& tx, const OidcSettings& settings, const Call& call,
                                            const oidc::IdToken& person, const std::string& email) {
  if (settings.new_user_role.empty()) return std::nullopt;
  store::User user;
  user.email = email;
  user.name = person.name.empty() || person.name.size() > 128 ? email.substr(0, email.find('@')) : person.name;
  user.role = settings.new_user_role;
  user.tenant = settings.new_user_tenant;
  if (user.tenant) {
    YZ_TRY(const std::uint64_t present, store::count_users(tx, user.tenant));
    if (present >= store::kMostUsers) return std::nullopt;
  }
  store::Author author = call.author(user.tenant);
  author.actor = "oidc";
  YZ_TRY(StoredUser made, store::UserStore(tx).create(author, std::move(user), ""));
  return std::optional<StoredUser>(std::move(made));
}

/// Who it is: linked, of the same address, or new.
Result<std::optional<StoredUser>> find_user(store::Transaction& tx, const OidcSettings& settings, const Call& call,
                                            const oidc::IdToken& person, const std::string& email) {
  store::UserStore users(tx);
  store::IdentityStore identities(tx);
  YZ_TRY(const auto linked, identities.find(settings.issuer, person.subject));
  if (linked) {
    YZ_TRY(StoredUser user, users.get(*linked));
    return std::optional<StoredUser>(std::move(user));
  }
  YZ_TRY(auto user, users.find(email));
  if (!user) {
    YZ_TRY(user, make_user(tx, settings, call, person, email));
  }
  if (!user || !user->value.enabled) return user;
  const store::Author author = author_of(call, user->value);
  YZ_CHECK(identities.link(author, user->value.id, settings.issuer, person.subject));
  if (user->value.must_change_password) {
    YZ_CHECK(users.set_password(author, user->value.id, "", false, "drop_password"));
  }
  return user;
}

using Judged = tl::expected<SignedIn, LoginRefusal>;

Result<Judged> sign_in(store::Transaction& tx, const OidcSettings& settings, const store::SessionLimits& limits,
                       const Call& call, const LoginTicket& ticket, const oidc::IdToken& person,
                       const std::string& email) {
  YZ_TRY(const auto user, find_user(tx, settings, call, person, email));
  if (!user) return Judged(Refused(LoginRefusal::kUnknown));
  const store::UserId id = user->value.id;
  if (!user->value.enabled) {
    const store::Author author = call.author(user->value.tenant);
    YZ_CHECK(store::AuditLog(tx).add(author, "login_failed", "user", to_string(id), kAuditDetail));
    return Judged(Refused(LoginRefusal::kDisabled));
  }
  if (ticket.old_session != 0) {
    const store::UserId old_user{ticket.old_user};
    YZ_TRY([[maybe_unused]] const bool ended,
           store::SessionStore(tx).revoke(old_user, store::SessionId{ticket.old_session}));
  }
  YZ_CHECK(give_back_address_attempt(tx, call));
  YZ_TRY(SignedIn done, open_session(tx, limits, call, id, kAuditDetail));
  return Judged(std::move(done));
}

}  // namespace

std::string_view to_string(LoginRefusal refusal) {
  constexpr std::string_view kNames[] = {"state",   "expired",  "denied",   "provider", "token", "unverified",
                                         "unknown", "conflict", "disabled", "too_many", "failed"};
  return kNames[static_cast<std::size_t>(refusal)];
}

tl::expected<SignedIn, LoginRefusal> sign_in_by_provider(store::Database& database, const OidcSettings& settings,
                                                         const store::SessionLimits& limits, const Call& call,
                                                         const LoginTicket& ticket, const oidc::IdToken& person) {
  const std::string email = canonical_email(person.email);
  if (email.empty() || !person.email_verified) return Refused(LoginRefusal::kUnverified);
  auto done = database.write(
      [&](store::Transaction& tx) { return sign_in(tx, settings, limits, call, ticket, person, email); });
  if (done) return *std::move(done);
  if (done.error().code == Code::kConflict && done.error().fault == Fault::kClient) {
    return Refused(LoginRefusal::kConflict);
  }
  log::error("a login by OpenID Connect failed ({}): {}", call.request_id, done.error().message);
  return Refused(LoginRefusal::kFailed);
}

}  // namespace yz::control
