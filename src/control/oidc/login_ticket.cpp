#include "control/oidc/login_ticket.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace yz::control {
namespace {

using nlohmann::json;

constexpr std::string_view kContext = "oidc login";
constexpr std::string_view kOperator = "/operator/";
constexpr std::string_view kPortal = "/portal/";
constexpr std::size_t kLongestPath = 1'000;
constexpr std::size_t kLongestCookie = 4'096;

/// What paths and queries are written with (RFC 3986 §3.3, §3.4), quotes left out.
bool is_path_character(char c) {
  constexpr std::string_view kOthers = "/-._~%!$&()*+,;=:@?";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

}  // namespace

std::string LoginTicket::seal(const store::Sealer& sealer) const {
  const json body = {{"s", secrets.state},
                     {"n", secrets.nonce},
                     {"v", secrets.verifier},
                     {"r", return_to},
                     {"e", expires.time_since_epoch().count()},
                     {"u", old_user},
                     {"o", old_session}};
  return sealer.seal(kContext, body.dump());
}

std::optional<LoginTicket> LoginTicket::open(const store::Sealer& sealer, std::string_view cookie) {
  if (cookie.size() > kLongestCookie || !store::Sealer::is_sealed(cookie)) return std::nullopt;
  const Result<std::string> text = sealer.open(kContext, cookie);
  if (!text) return std::nullopt;
  const json body = json::parse(*text, nullptr, false);  // ours: nobody else has the key
  if (!body.is_object()) return std::nullopt;
  LoginTicket out;
  out.secrets = {body.value("s", ""), body.value("n", ""), body.value("v", "")};
  out.return_to = own_path(body.value("r", ""));
  out.expires = WallTime(std::chrono::milliseconds(body.value("e", std::int64_t{0})));
  out.old_user = body.value("u", std::uint64_t{0});
  out.old_session = body.value("o", std::uint64_t{0});
  if (out.secrets.state.empty() || out.secrets.nonce.empty() || out.secrets.verifier.empty()) return std::nullopt;
  return out;
}

std::string ticket_cookie(std::string_view sealed, bool is_tls) {
  const auto seconds = std::chrono::seconds(sealed.empty() ? std::chrono::minutes(0) : kTicketLifetime).count();
  return fmt::format("{}={}; Path=/api/v1/oidc; HttpOnly; SameSite=Lax; Max-Age={}{}", kTicketCookie, sealed, seconds,
                     is_tls ? "; Secure" : "");
}

std::string own_path(std::string_view path) {
  const bool is_ours = (path.starts_with(kOperator) || path.starts_with(kPortal)) && path.size() <= kLongestPath &&
                       std::ranges::all_of(path, is_path_character) && path.find("//") == std::string_view::npos &&
                       path.find("..") == std::string_view::npos;
  return std::string(is_ours ? path : kPortal);
}

std::string portal_of(std::string_view path) { return std::string(path.starts_with(kOperator) ? kOperator : kPortal); }

}  // namespace yz::control
