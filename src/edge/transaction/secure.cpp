#include "base/text.h"
#include "edge/tls/certificate_store.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"

namespace yz::edge {
namespace {

constexpr std::uint16_t kHttpsPort = 443;

/// "https://www.a.com/path?query" of a request that came over plain HTTP.
std::string secure_location(const Transaction& tx) {
  const http::RequestHead& request = tx.request();
  const std::uint16_t port = tx.running().https_port;
  std::string out = "https://";
  out += request.host;
  if (port != kHttpsPort && port != 0) out += ":" + std::to_string(port);
  out += request.path;
  if (request.has_query) out.append("?").append(request.query);
  return out;
}

/// True when the viewer already speaks TLS, with us or with a proxy in front of us that we believe.
bool is_secure(const Transaction& tx) {
  if (tx.exchange.is_tls()) return true;
  if (!is_trusted(tx.running(), tx.exchange.peer().address.unmapped())) return false;
  const http::Field* told = tx.request().fields.find("X-Forwarded-Proto");
  return told != nullptr && to_lower(told->value) == "https";
}

/// A connection agreed on under one name may be used for others (RFC 9110 §7.4), but not to get round their demands.
bool is_below_its_demands(const Transaction& tx) {
  if (!tx.exchange.is_tls() || tx.site->domain.https.min_tls == model::TlsVersion::kTls12) return false;
  const auto* shown = tx.running().certificates->find(tx.exchange.tls_server_name());
  return shown == nullptr || shown->min_version == net::TlsVersion::kTls12;
}

io::Task<void> redirect_to_https(Transaction& tx, http::StatusCode status) {
  http::HeaderMap headers{{"Location", secure_location(tx)}};
  (void)co_await tx.exchange.respond(status, std::move(headers), "");
}

}  // namespace

io::Task<void> secure_viewer(Transaction& tx) {
  if (is_below_its_demands(tx)) return refuse(tx, 421, "this host is served over TLS 1.3 only");
  const model::HttpsRedirect redirect = tx.site->domain.https.redirect;
  if (redirect == model::HttpsRedirect::kOff || tx.peer || tx.is_prefetch || is_secure(tx)) return {};
  if (tx.running().certificates->find(to_lower(tx.request().host)) == nullptr) return {};
  return redirect_to_https(tx, redirect == model::HttpsRedirect::kMoved ? 301 : 308);
}

}  // namespace yz::edge
