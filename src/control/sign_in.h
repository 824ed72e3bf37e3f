#pragma once

#include <string>
#include <string_view>

#include "control/call.h"
#include "store/database.h"
#include "store/session_store.h"

namespace yz::control {

/// The cookie that carries a session's secret.
inline constexpr std::string_view kSessionCookie = "yz_session";
/// The header that proves that a change was made by a page of ours, which alone can read the session's answer.
inline constexpr std::string_view kCsrfHeader = "x-csrf-token";

/// What somebody types to sign in.
struct Login {
  std::string email;
  std::string password;
  std::string code;  ///< of the authenticator, or a recovery code; empty: none given
};

struct SignedIn {
  store::Stored<store::User> user;
  store::NewSession session;
};

/// Checks a login and begins a session with a new secret; one that the browser already had ends. Answers and takes the
/// same time for an unknown user, a disabled one and a wrong password. Counts attempts by account and by address.
/// Refuses with 401 "unauthenticated", "code_required" (the password is right, a second factor is in force and no code
/// came) or "wrong_code", or 429 with how long to wait. Blocks.
[[nodiscard]] tl::expected<SignedIn, Problem> sign_in(store::Database& database, const store::SessionLimits& limits,
                                                      const Call& call, const Login& login);

/// Whether the password is that of the user who calls by a session. Counted as signing in is: 429 when it has to wait.
/// Blocks.
[[nodiscard]] tl::expected<bool, Problem> check_own_password(store::Database& database, const Call& call,
                                                             const std::string& password);

/// Begins a session with a new secret for somebody who has proven who they are; audited as a login, with `detail`
/// (JSON). Fails with kUnauthenticated, the client's fault, when the user is disabled.
[[nodiscard]] Result<SignedIn> open_session(store::Transaction& tx, const store::SessionLimits& limits,
                                            const Call& call, store::UserId id, std::string_view detail);

/// Counts an attempt of the caller's address; 429 when it has to wait. One that was right is given back. Blocks.
[[nodiscard]] tl::expected<void, Problem> take_address_attempt(store::Database& database, const Call& call);
[[nodiscard]] Status give_back_address_attempt(store::Transaction& tx, const Call& call);

/// The value of a cookie of a Cookie field (RFC 6265 §4.2.1), or empty.
[[nodiscard]] std::string_view cookie_value(std::string_view field, std::string_view name);
/// A Set-Cookie value for the session; an empty secret takes the cookie away.
[[nodiscard]] std::string session_cookie(std::string_view secret, bool is_tls);
/// The CSRF token of a session: derived from its secret, so that nothing has to be stored.
[[nodiscard]] std::string csrf_token(std::string_view session_secret);
/// An email address as it is stored: trimmed, lower case; empty when it is none.
[[nodiscard]] std::string canonical_email(std::string_view text);

}  // namespace yz::control
