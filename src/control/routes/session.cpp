#include <nlohmann/json.hpp>

#include "control/body.h"
#include "control/routes/routes.h"
#include "control/session_json.h"
#include "control/sign_in.h"
#include "control/transact.h"
#include "store/audit_log.h"

namespace yz::control {
namespace {

std::string_view secret_of(const Call& call) {
  return cookie_value(call.header("cookie").value_or(""), kSessionCookie);
}

/// A form of another site can make a browser send this request, though it cannot read the answer: signing somebody in
/// as somebody else. Browsers say where a request comes from, and a form cannot send JSON.
bool is_from_elsewhere(const Call& call) {
  const auto site = call.header("sec-fetch-site");
  return (site && *site != "same-origin" && *site != "none") || !call.header("content-type");
}

Outcome begin(const RouteContext& context, const Call& call) {
  auto body = read_body(call);
  if (!body) return refuse(body.error());
  if (is_from_elsewhere(call)) {
    return refuse(problem(403, "csrf", "The request comes from another site", "Sign in on the portal's own page."));
  }
  BodyReader reader(*body, {"email", "password", "code"});
  const Login login{reader.text("email", true).value_or(""), reader.text("password", true).value_or(""),
                    reader.text("code").value_or("")};
  if (!reader.ok()) return refuse(reader.problem());
  auto done = sign_in(context.database, context.sessions, call, login);
  if (!done) return refuse(done.error());
  Outcome outcome = read_outcome(context.database, [&](store::Transaction& tx) {
    return describe_session(tx, done->user.value, done->session.session, done->session.secret, 201);
  });
  if (outcome) outcome->headers.emplace_back("Set-Cookie", session_cookie(done->session.secret, call.is_tls));
  return outcome;
}

Outcome show(const RouteContext& context, const Call& call) {
  if (call.principal.session_id == 0) return refuse(not_found("session"));
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto session, store::SessionStore(tx).authenticate(secret_of(call), context.sessions, call.now));
    YZ_TRY(const auto user, store::UserStore(tx).get(session.user));
    return describe_session(tx, user.value, session, secret_of(call), 200);
  });
}

Outcome end(const RouteContext& context, const Call& call) {
  if (call.principal.session_id == 0) return refuse(not_found("session"));
  Outcome outcome = write_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    const store::UserId user{call.principal.user_id};
    YZ_TRY([[maybe_unused]] const bool ended,
           store::SessionStore(tx).revoke(user, store::SessionId{call.principal.session_id}));
    YZ_CHECK(store::AuditLog(tx).add(call.author(call.principal.tenant), "logout", "user", to_string(user)));
    Reply reply;
    reply.status = 204;
    return reply;
  });
  if (outcome) outcome->headers.emplace_back("Set-Cookie", session_cookie("", call.is_tls));
  return outcome;
}

}  // namespace

Routes session_routes(const RouteContext& context) {
  return {
      {"POST", "/api/v1/session", kPublic,
       BlockingHandler([context](const Call& call) { return begin(context, call); })},
      {"GET", "/api/v1/session", "self:read",
       BlockingHandler([context](const Call& call) { return show(context, call); })},
      {"DELETE", "/api/v1/session", "self:write",
       BlockingHandler([context](const Call& call) { return end(context, call); })},
  };
}

}  // namespace yz::control
