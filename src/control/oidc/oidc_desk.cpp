#include "control/oidc/oidc_desk.h"

#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "control/sign_in.h"
#include "store/identity_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::seconds kPatience{20};  // three exchanges with the provider, and the database
constexpr std::size_t kThreads = 4;
constexpr std::size_t kMaxQueued = 64;

using Refused = tl::unexpected<LoginRefusal>;

oidc::Provider::Options provider_options(const OidcSettings& settings, std::string secret, std::string ca_pem) {
  oidc::Provider::Options out;
  out.issuer = settings.issuer;
  out.client_id = settings.client_id;
  out.client_secret = std::move(secret);
  out.redirect_uri = settings.public_url + "/api/v1/oidc/callback";
  out.email_claim = settings.email_claim;
  out.ca_pem = std::move(ca_pem);
  out.timeout = settings.timeout;
  return out;
}

/// Kept by nobody, and its address told to nobody: it has the code in it.
Reply redirect(std::string location) {
  Reply out;
  out.status = 302;
  out.content_type = "text/plain";
  out.headers.emplace_back("Location", std::move(location));
  out.headers.emplace_back("Cache-Control", "no-store");
  out.headers.emplace_back("Referrer-Policy", "no-referrer");
  return out;
}

LoginRefusal refusal_of(const Error& error) {
  switch (error.code) {
    case Code::kPermission:
    case Code::kNotFound:
    case Code::kUnauthenticated:
      return LoginRefusal::kToken;
    default:
      return LoginRefusal::kProvider;
  }
}

}  // namespace

OidcDesk::OidcDesk(OidcSettings settings, std::string secret, std::string ca_pem, store::Database& database,
                   store::Sealer sealer, store::SessionLimits limits, const Clock& clock)
    : settings_(std::move(settings)),
      database_(database),
      sealer_(std::move(sealer)),
      limits_(limits),
      provider_(provider_options(settings_, std::move(secret), std::move(ca_pem)), clock, is_stopping_),
      pool_(std::make_unique<io::BlockingPool>(io::BlockingPool::Options{kThreads, kMaxQueued})) {}

OidcDesk::~OidcDesk() { stop(); }

void OidcDesk::stop() {
  *is_stopping_ = true;
  pool_.reset();
}

io::Task<Outcome> OidcDesk::begin(Call call) {
  const std::string path = own_path(call.parameter("return_to").value_or(""));
  auto work = [this, asked = std::move(call)] { return send_to_provider(asked); };
  auto done = co_await pool_->run(std::move(work), io::Reactor::current().in(kPatience));
  if (done) co_return *std::move(done);
  log::warn("a login by OpenID Connect could not begin: {}", done.error().message);
  co_return send_away(path, LoginRefusal::kProvider);
}

io::Task<Outcome> OidcDesk::finish(Call call) {
  const auto ticket = ticket_of(call);
  const std::string path = ticket ? ticket->return_to : "";
  auto work = [this, asked = std::move(call)] { return take_back(asked); };
  auto done = co_await pool_->run(std::move(work), io::Reactor::current().in(kPatience));
  if (done) co_return *std::move(done);
  log::warn("a login by OpenID Connect was not finished: {}", done.error().message);
  co_return send_away(path, LoginRefusal::kProvider);
}

std::optional<LoginTicket> OidcDesk::ticket_of(const Call& call) const {
  return LoginTicket::open(sealer_, cookie_value(call.header("cookie").value_or(""), kTicketCookie));
}

Reply OidcDesk::send_away(std::string_view path, LoginRefusal why) const {
  Reply out = redirect(portal_of(path) + "?login=" + std::string(to_string(why)));
  out.headers.emplace_back("Set-Cookie", ticket_cookie("", settings_.is_over_tls()));
  return out;
}

LoginTicket OidcDesk::make_ticket(const Call& call) {
  LoginTicket out;
  out.secrets = oidc::Secrets::make();
  out.return_to = own_path(call.parameter("return_to").value_or(""));
  out.expires = call.now + kTicketLifetime;
  const std::string_view held = cookie_value(call.header("cookie").value_or(""), kSessionCookie);
  if (held.empty()) return out;
  const auto old = database_.read(
      [&](store::Transaction& tx) { return store::SessionStore(tx).authenticate(held, limits_, call.now); });
  if (!old) return out;  // ended by itself
  out.old_user = old->user.value;
  out.old_session = old->id.value;
  return out;
}

Reply OidcDesk::send_to_provider(const Call& call) {
  const LoginTicket ticket = make_ticket(call);
  auto url = provider_.authorization_url(ticket.secrets);
  if (!url) {
    log::warn("a login by OpenID Connect could not begin ({}): {}", call.request_id, url.error().message);
    return send_away(ticket.return_to, LoginRefusal::kProvider);
  }
  Reply out = redirect(*std::move(url));
  out.headers.emplace_back("Set-Cookie", ticket_cookie(ticket.seal(sealer_), settings_.is_over_tls()));
  return out;
}

Reply OidcDesk::take_back(const Call& call) {
  const auto ticket = ticket_of(call);
  const std::string path = ticket ? ticket->return_to : "";
  auto done = judge(call, ticket);
  if (!done) {
    if (done.error() != LoginRefusal::kState) {  // which anybody can bring about
      log::info("a login by OpenID Connect was refused ({}): {}", call.request_id, to_string(done.error()));
    }
    return send_away(path, done.error());
  }
  Reply out = redirect(path);
  const bool is_tls = call.is_tls || settings_.is_over_tls();
  out.headers.emplace_back("Set-Cookie", session_cookie(done->session.secret, is_tls));
  out.headers.emplace_back("Set-Cookie", ticket_cookie("", settings_.is_over_tls()));
  return out;
}

tl::expected<SignedIn, LoginRefusal> OidcDesk::judge(const Call& call, const std::optional<LoginTicket>& ticket) {
  if (!ticket || !equal_in_constant_time(call.parameter("state").value_or(""), ticket->secrets.state)) {
    return Refused(LoginRefusal::kState);
  }
  if (ticket->expires <= call.now) return Refused(LoginRefusal::kExpired);
  if (auto taken = take_address_attempt(database_, call); !taken) {
    return Refused(taken.error().status == 429 ? LoginRefusal::kTooMany : LoginRefusal::kFailed);
  }
  const auto is_first = database_.write([&](store::Transaction& tx) {
    return store::IdentityStore(tx).use_login(ticket->secrets.state, ticket->expires);
  });
  if (!is_first) {
    log::error("a login by OpenID Connect failed ({}): {}", call.request_id, is_first.error().message);
    return Refused(LoginRefusal::kFailed);
  }
  if (!*is_first) return Refused(LoginRefusal::kState);
  if (const auto error = call.parameter("error")) {
    const std::string code = oidc::plain_error(*error);
    log::info("the identity provider refused a login ({}): {}", call.request_id, code);
    return Refused(code == "access_denied" ? LoginRefusal::kDenied : LoginRefusal::kProvider);
  }
  oidc::Redirected redirected{std::string(call.parameter("code").value_or("")), std::nullopt};
  if (const auto issuer = call.parameter("iss")) redirected.issuer = std::string(*issuer);
  const auto person = provider_.redeem(redirected, ticket->secrets);
  if (!person) {
    log::warn("a login by OpenID Connect was refused ({}): {}", call.request_id, person.error().message);
    return Refused(refusal_of(person.error()));
  }
  return sign_in_by_provider(database_, settings_, limits_, call, *ticket, *person);
}

}  // namespace yz::control
