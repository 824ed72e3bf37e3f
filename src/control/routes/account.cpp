// What people do with their own account: password, second factor, devices.

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "control/body.h"
#include "control/password.h"
#include "control/routes/routes.h"
#include "control/session_json.h"
#include "control/sign_in.h"
#include "control/totp.h"
#include "control/transact.h"
#include "store/audit_log.h"

namespace yz::control {
namespace {

store::UserId self(const Call& call) { return store::UserId{call.principal.user_id}; }

Problem no_account() { return conflict("A token has no account. Sign in."); }

Reply no_content() {
  Reply reply;
  reply.status = 204;
  return reply;
}

Reply secret_reply(const nlohmann::json& body) {
  Reply reply = json_reply(body);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

/// Whoever changes what protects an account proves again that it is theirs: a session may have been left open.
/// Guesses are counted with those of signing in. Outside of a transaction, for it takes time.
tl::expected<void, Problem> prove(const RouteContext& context, const Call& call, std::string_view pointer,
                                  const std::string& password) {
  auto checked = check_own_password(context.database, call, password);
  if (!checked) return refuse(checked.error());
  if (!*checked) return refuse(unprocessable(std::string(pointer), "is wrong"));
  return {};
}

/// Ends all sessions of the user and begins one in place of the caller's, with a secret nobody has seen.
Outcome renew_session(store::Transaction& tx, const RouteContext& context, const Call& call) {
  store::SessionStore sessions(tx);
  YZ_CHECK(sessions.revoke_all(self(call)));
  YZ_TRY(const auto made,
         sessions.create(self(call), call.header("user-agent").value_or(""), call.peer, context.sessions, call.now));
  YZ_TRY(const auto user, store::UserStore(tx).get(self(call)));
  Outcome outcome = describe_session(tx, user.value, made.session, made.secret, 200);
  if (outcome) outcome->headers.emplace_back("Set-Cookie", session_cookie(made.secret, call.is_tls));
  return outcome;
}

Outcome change_password(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"current", "password"});
  const std::string current = reader.text("current", true).value_or("");
  const std::string password = reader.text("password", true).value_or("");
  if (reader.ok()) {
    if (auto fits = check_password(password); !fits) reader.wrong("/password", fits.error().message);
    if (password == current) reader.wrong("/password", "is the one you have");
  }
  if (!reader.ok()) return refuse(reader.problem());
  if (auto proved = prove(context, call, "/current", current); !proved) return refuse(proved.error());
  const std::string hash = hash_password(password);
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_CHECK(store::UserStore(tx).set_password(call.author(call.principal.tenant), self(call), hash, false,
                                               "change_password"));
    return renew_session(tx, context, call);
  });
}

Outcome list_sessions(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto found, store::SessionStore(tx).list(self(call), context.sessions, call.now));
    nlohmann::json items = nlohmann::json::array();
    for (const store::Session& session : found) items.push_back(session_json(session, call.principal.session_id));
    return page_reply(std::move(items), 0);
  });
}

Outcome end_session(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const bool ended, store::SessionStore(tx).revoke(self(call), store::SessionId{call.id()}));
    if (!ended) return refuse(not_found("session"));
    YZ_CHECK(store::AuditLog(tx).add(call.author(call.principal.tenant), "end_session", "user", to_string(self(call))));
    return no_content();
  });
}

Outcome end_other_sessions(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_CHECK(store::SessionStore(tx).revoke_all(self(call), store::SessionId{call.principal.session_id}));
    YZ_CHECK(
        store::AuditLog(tx).add(call.author(call.principal.tenant), "end_sessions", "user", to_string(self(call))));
    return no_content();
  });
}

Outcome show_second_factor(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::UserStore users(tx);
    YZ_TRY(const auto user, users.get(self(call)));
    YZ_TRY(const auto left, users.recovery_codes_left(self(call)));
    return json_reply({{"enabled", user.value.has_second_factor}, {"recovery_codes_left", left}});
  });
}

/// Reads {"password"} and checks that it is the caller's.
tl::expected<void, Problem> prove_by_body(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"password"});
  const std::string password = reader.text("password", true).value_or("");
  if (!reader.ok()) return refuse(reader.problem());
  return prove(context, call, "/password", password);
}

Outcome begin_second_factor(const RouteContext& context, const Call& call) {
  if (auto proved = prove_by_body(context, call); !proved) return refuse(proved.error());
  const std::string secret = secret_bytes(kTotpSecretBytes);
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_CHECK(store::UserStore(tx).begin_totp(self(call), secret));
    return secret_reply({{"secret", to_base32(secret)}, {"uri", totp_uri(secret, call.principal.name)}});
  });
}

Outcome confirm_second_factor(const RouteContext& context, const Call& call) {
  if (call.principal.user_id == 0) return refuse(no_account());
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  BodyReader reader(*body, {"code"});
  const std::string code = reader.text("code", true).value_or("");
  if (!reader.ok()) return refuse(reader.problem());
  const std::vector<std::string> codes = make_recovery_codes();
  std::vector<std::string> hashes;
  hashes.reserve(codes.size());
  for (const std::string& recovery : codes) hashes.push_back(recovery_code_hash(recovery));
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    store::UserStore users(tx);
    YZ_TRY(const store::UserCredentials held, users.credentials(self(call)));
    if (held.totp.empty() || held.totp_confirmed) return refuse(conflict("There is no second factor to confirm."));
    const auto step = match_totp(held.totp, code, call.now, 0);
    if (!step) return refuse(unprocessable("/code", "is wrong; is the device's clock right?"));
    YZ_CHECK(users.confirm_totp(call.author(call.principal.tenant), self(call), *step, hashes));
    return secret_reply({{"recovery_codes", codes}});
  });
}

Outcome disable_second_factor(const RouteContext& context, const Call& call) {
  if (auto proved = prove_by_body(context, call); !proved) return refuse(proved.error());
  return write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_CHECK(store::UserStore(tx).drop_totp(call.author(call.principal.tenant), self(call), "disable_totp"));
    return no_content();
  });
}

}  // namespace

Routes account_routes(const RouteContext& context) {
  const auto bind = [&context](Outcome (*handler)(const RouteContext&, const Call&)) {
    return BlockingHandler([context, handler](const Call& call) { return handler(context, call); });
  };
  return {
      {"PUT", "/api/v1/account/password", "self:write", bind(&change_password)},
      {"GET", "/api/v1/account/sessions", "self:read", bind(&list_sessions)},
      {"DELETE", "/api/v1/account/sessions", "self:write", bind(&end_other_sessions)},
      {"DELETE", "/api/v1/account/sessions/{id}", "self:write", bind(&end_session)},
      {"GET", "/api/v1/account/second-factor", "self:read", bind(&show_second_factor)},
      {"POST", "/api/v1/account/second-factor", "self:write", bind(&begin_second_factor)},
      {"POST", "/api/v1/account/second-factor/confirm", "self:write", bind(&confirm_second_factor)},
      {"POST", "/api/v1/account/second-factor/disable", "self:write", bind(&disable_second_factor)},
  };
}

}  // namespace yz::control
