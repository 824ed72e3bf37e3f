#include "control/sign_in.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/ip.h"
#include "control/password.h"
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

store::Author author_of(const Call& call, const store::User& user) {
  store::Author out = call.author(user.tenant);
  out.actor = fmt::format("user:{} {}", user.id.value, user.email);
  return out;
}

/// A failed attempt on an account that exists is for its owner to see; what was typed for one that does not may be a
/// password, and is not kept.
void audit_failure(store::Database& database, const Call& call, const Candidate& candidate) {
  const store::Author author = call.author(candidate.user ? candidate.user->value.tenant : model::TenantId());
  const std::string target = candidate.user ? to_string(candidate.user->value.id) : "unknown";
  (void)database.write(
      [&](store::Transaction& tx) { return store::AuditLog(tx).add(author, "login_failed", "user", target); });
}

}  // namespace

tl::expected<SignedIn, Problem> sign_in(store::Database& database, const store::SessionLimits& limits, const Call& call,
                                        const Login& login) {
  const std::string email = canonical_email(login.email);
  const Subjects subjects{"account:" + to_hex(sha256(email.empty() ? login.email : email)), address_subject(call.peer)};
  if (auto taken = take_attempt(database, subjects, call.now); !taken) return refuse(taken.error());

  auto candidate = find_candidate(database, email);
  if (!candidate) return refuse(Problem(std::move(candidate).error()));
  const bool has_user = candidate->user && !candidate->credentials.password_hash.empty();
  const bool is_right =
      has_user ? verify_password(candidate->credentials.password_hash, login.password) : verify_nobody(login.password);
  if (!is_right || !candidate->user->value.enabled) {
    audit_failure(database, call, *candidate);
    return refuse(wrong_login());
  }
  const store::UserId id = candidate->user->value.id;
  const std::string stronger =
      is_outdated_hash(candidate->credentials.password_hash) ? hash_password(login.password) : "";
  const std::string_view old_secret = cookie_value(call.header("cookie").value_or(""), kSessionCookie);

  auto done = database.write([&](store::Transaction& tx) -> Result<SignedIn> {
    store::UserStore users(tx);
    store::SessionStore sessions(tx);
    store::LoginGuard guard(tx);
    YZ_CHECK(guard.forget(subjects.account));
    YZ_CHECK(guard.give_back(subjects.address));
    YZ_TRY(auto user, users.get(id));
    if (!user.value.enabled) return fail(Code::kUnauthenticated, "disabled meanwhile", Fault::kClient);
    if (!stronger.empty()) YZ_CHECK(users.renew_hash(id, stronger));
    if (const auto old = sessions.authenticate(old_secret, limits, call.now)) {
      YZ_TRY([[maybe_unused]] const bool ended, sessions.revoke(old->user, old->id));
    }
    YZ_TRY(auto session, sessions.create(id, call.header("user-agent").value_or(""), call.peer, limits, call.now));
    YZ_CHECK(users.note_login(id, call.now));
    user.value.last_login = call.now;
    YZ_CHECK(store::AuditLog(tx).add(author_of(call, user.value), "login", "user", to_string(id)));
    return SignedIn{std::move(user), std::move(session)};
  });
  if (done) return *std::move(done);
  if (done.error().fault == Fault::kClient) return refuse(wrong_login());
  return refuse(Problem(std::move(done).error()));
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
