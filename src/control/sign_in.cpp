#include "control/sign_in.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/ip.h"
#include "control/password.h"
#include "control/totp.h"
#include "store/audit_log.h"
#include "store/login_guard.h"

namespace yz::control {
namespace {

// One account: five mistakes are free, then 5 s, 10 s … 15 min. One address serves many people: more are free.
constexpr store::LoginLimit kAccountLimit{};
constexpr store::LoginLimit kAddressLimit{.free = 30, .first_wait = std::chrono::seconds(5)};
constexpr std::size_t kLongestEmail = 254;

/// Who counts as one address: an IPv6 customer has a whole /64.
std::string address_subject(const std::string& peer) {
  const auto address = IpAddress::parse(peer);
  if (!address || address->is_v4()) return "address:" + peer;
  return "address:" + to_string(IpPrefix{address->masked(64), 64});
}

std::string account_subject(std::string_view email) { return "account:" + to_hex(sha256(email)); }

Problem wrong_login() {
  return problem(401, "unauthenticated", "Authentication is needed", "The email address or the password is wrong.");
}

Problem too_many(std::chrono::seconds wait) {
  Problem out = problem(429, "too_many_attempts", "Too many attempts to sign in",
                        fmt::format("Try again in {} seconds.", wait.count()));
  out.retry_after = wait;
  return out;
}

struct Subjects {
  std::string account;
  std::string address;
};

/// Counts the attempt; 429 when one of both subjects has to wait.
tl::expected<void, Problem> take_attempt(store::Database& database, const Subjects& subjects, WallTime now) {
  auto wait = database.write([&](store::Transaction& tx) -> Result<std::chrono::seconds> {
    store::LoginGuard guard(tx);
    YZ_TRY(const auto by_address, guard.take(subjects.address, kAddressLimit, now));
    if (by_address.count() > 0) return by_address;
    return guard.take(subjects.account, kAccountLimit, now);
  });
  if (!wait) return refuse(Problem(std::move(wait).error()));
  if (wait->count() > 0) return refuse(too_many(*wait));
  return {};
}

struct Candidate {
  std::optional<store::Stored<store::User>> user;
  store::UserCredentials credentials;
};

Result<Candidate> find_candidate(store::Database& database, const std::string& email) {
  return database.read([&](store::Transaction& tx) -> Result<Candidate> {
    store::UserStore users(tx);
    Candidate out;
    YZ_TRY(out.user, users.find(email));
    if (out.user) {
      YZ_TRY(out.credentials, users.credentials(out.user->value.id));
    }
    return out;
  });
}

/// Takes as long whether or not there is such a user.
bool is_password_right(const Candidate& candidate, const std::string& password) {
  if (!candidate.user || candidate.credentials.password_hash.empty()) return verify_nobody(password);
  return verify_password(candidate.credentials.password_hash, password);
}

store::Author author_of(const Call& call, const store::User& user) {
  store::Author out = call.author(user.tenant);
  out.actor = fmt::format("user:{} {}", user.id.value, user.email);
  return out;
}

/// A failed attempt on an account that exists is for its owner to see; what was typed for one that does not may be a
/// password, and is not kept.
void audit_failure(store::Database& database, const Call& call, const Candidate& candidate, std::string_view what) {
  const store::Author author = call.author(candidate.user ? candidate.user->value.tenant : model::TenantId());
  const std::string target = candidate.user ? to_string(candidate.user->value.id) : "unknown";
  // A note for people; the answer does not depend on it.
  (void)database.write([&](store::Transaction& tx) { return store::AuditLog(tx).add(author, what, "user", target); });
}

Status give_back(store::Transaction& tx, const Subjects& subjects) {
  YZ_CHECK(store::LoginGuard(tx).give_back(subjects.account));
  return store::LoginGuard(tx).give_back(subjects.address);
}

/// Uses up a code of the authenticator or a recovery code, whichever it is. False when it is neither.
Result<bool> use_code(store::Transaction& tx, const Candidate& candidate, const std::string& code, WallTime now) {
  store::UserStore users(tx);
  const store::UserId id = candidate.user->value.id;
  if (const auto step = match_totp(candidate.credentials.totp, trim(code), now, candidate.credentials.totp_step)) {
    return users.use_totp_step(id, *step);
  }
  return users.use_recovery_code(id, recovery_code_hash(code));
}

/// The last step, when everything is known to be right but perhaps the code.
Result<std::optional<SignedIn>> begin_session(store::Transaction& tx, const store::SessionLimits& limits,
                                              const Call& call, const Candidate& candidate, const Login& login,
                                              const Subjects& subjects) {
  const store::UserId id = candidate.user->value.id;
  if (candidate.credentials.totp_confirmed) {
    YZ_TRY(const bool is_right, use_code(tx, candidate, login.code, call.now));
    if (!is_right) return std::nullopt;
  }
  YZ_CHECK(store::LoginGuard(tx).forget(subjects.account));
  YZ_CHECK(store::LoginGuard(tx).give_back(subjects.address));
  YZ_TRY(SignedIn done, open_session(tx, limits, call, id, "{}"));
  return std::optional<SignedIn>(std::move(done));
}

}  // namespace

tl::expected<SignedIn, Problem> sign_in(store::Database& database, const store::SessionLimits& limits, const Call& call,
                                        const Login& login) {
  const std::string email = canonical_email(login.email);
  const Subjects subjects{account_subject(email.empty() ? login.email : email), address_subject(call.peer)};
  if (auto taken = take_attempt(database, subjects, call.now); !taken) return refuse(taken.error());

  auto candidate = find_candidate(database, email);
  if (!candidate) return refuse(Problem(std::move(candidate).error()));
  if (!is_password_right(*candidate, login.password) || !candidate->user->value.enabled) {
    audit_failure(database, call, *candidate, "login_failed");
    return refuse(wrong_login());
  }
  if (candidate->credentials.totp_confirmed && login.code.empty()) {
    // Half a login: no guess was wrong.
    (void)database.write([&](store::Transaction& tx) { return give_back(tx, subjects); });
    return refuse(problem(401, "code_required", "A code is needed", "Send the code of your authenticator as well."));
  }
  const bool is_outdated = is_outdated_hash(candidate->credentials.password_hash);
  const std::string stronger = is_outdated ? hash_password(login.password) : "";

  auto done = database.write([&](store::Transaction& tx) -> Result<std::optional<SignedIn>> {
    if (!stronger.empty()) YZ_CHECK(store::UserStore(tx).renew_hash(candidate->user->value.id, stronger));
    return begin_session(tx, limits, call, *candidate, login, subjects);
  });
  if (done && *done) return std::move(**done);
  if (done) {
    audit_failure(database, call, *candidate, "code_failed");
    return refuse(problem(401, "wrong_code", "The code is wrong", "It is wrong, or it was used before."));
  }
  if (done.error().fault == Fault::kClient) return refuse(wrong_login());
  return refuse(Problem(std::move(done).error()));
}

tl::expected<bool, Problem> check_own_password(store::Database& database, const Call& call,
                                               const std::string& password) {
  const Subjects subjects{account_subject(call.principal.name), address_subject(call.peer)};
  if (auto taken = take_attempt(database, subjects, call.now); !taken) return refuse(taken.error());
  auto candidate = find_candidate(database, call.principal.name);
  if (!candidate) return refuse(Problem(std::move(candidate).error()));
  if (!is_password_right(*candidate, password)) {
    audit_failure(database, call, *candidate, "password_failed");
    return false;
  }
  if (auto given = database.write([&](store::Transaction& tx) { return give_back(tx, subjects); }); !given) {
    return refuse(Problem(std::move(given).error()));
  }
  return true;
}

Result<SignedIn> open_session(store::Transaction& tx, const store::SessionLimits& limits, const Call& call,
                              store::UserId id, std::string_view detail) {
  store::UserStore users(tx);
  store::SessionStore sessions(tx);
  YZ_TRY(auto user, users.get(id));
  if (!user.value.enabled) return fail(Code::kUnauthenticated, "the user is disabled", Fault::kClient);
  const std::string_view old_secret = cookie_value(call.header("cookie").value_or(""), kSessionCookie);
  if (const auto old = sessions.authenticate(old_secret, limits, call.now)) {
    YZ_TRY([[maybe_unused]] const bool ended, sessions.revoke(old->user, old->id));
  }
  YZ_TRY(auto session, sessions.create(id, call.header("user-agent").value_or(""), call.peer, limits, call.now));
  YZ_CHECK(users.note_login(id, call.now));
  user.value.last_login = call.now;
  YZ_CHECK(store::AuditLog(tx).add(author_of(call, user.value), "login", "user", to_string(id), detail));
  return SignedIn{std::move(user), std::move(session)};
}

tl::expected<void, Problem> take_address_attempt(store::Database& database, const Call& call) {
  auto wait = database.write([&](store::Transaction& tx) -> Result<std::chrono::seconds> {
    return store::LoginGuard(tx).take(address_subject(call.peer), kAddressLimit, call.now);
  });
  if (!wait) return refuse(Problem(std::move(wait).error()));
  if (wait->count() > 0) return refuse(too_many(*wait));
  return {};
}

Status give_back_address_attempt(store::Transaction& tx, const Call& call) {
  return store::LoginGuard(tx).give_back(address_subject(call.peer));
}

std::string_view cookie_value(std::string_view field, std::string_view name) {
  for (std::string_view pair : split(field, ';')) {
    pair = trim(pair);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    return pair.substr(equals + 1);
  }
  return {};
}

std::string session_cookie(std::string_view secret, bool is_tls) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", kSessionCookie, secret, is_tls ? "; Secure" : "",
                     secret.empty() ? "; Max-Age=0" : "");
}

std::string csrf_token(std::string_view session_secret) {
  return to_base64url(hmac_sha256(session_secret, "yizhan csrf"));
}

std::string canonical_email(std::string_view text) {
  std::string email = to_lower(trim(text));
  const std::size_t at = email.find('@');
  const bool is_plain = std::ranges::all_of(email, [](unsigned char c) { return c > ' ' && c != 0x7f; });
  if (at == std::string::npos || at == 0 || at + 1 == email.size() || email.find('@', at + 1) != std::string::npos ||
      email.size() > kLongestEmail || !is_plain || !is_utf8(email)) {
    return {};
  }
  return email;
}

}  // namespace yz::control
