#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "oidc/provider.h"
#include "store/sealer.h"

namespace yz::control {

/// The cookie that a login under way at an identity provider is kept in.
inline constexpr std::string_view kTicketCookie = "yz_oidc";
inline constexpr std::chrono::minutes kTicketLifetime{10};

/// A login that has gone to the identity provider: held by the browser that began it and by nobody else, sealed under
/// the key that all instances share, so that any of them may finish it.
struct LoginTicket {
  oidc::Secrets secrets;
  std::string return_to;  ///< a path of ours
  WallTime expires;
  std::uint64_t old_user = 0;  ///< whose session the browser had, which ends with the login; zero: none
  std::uint64_t old_session = 0;

  [[nodiscard]] std::string seal(const store::Sealer& sealer) const;
  /// None when it is none of ours, or was changed.
  [[nodiscard]] static std::optional<LoginTicket> open(const store::Sealer& sealer, std::string_view cookie);
};

/// A Set-Cookie value for a ticket; an empty one takes the cookie away. `SameSite=Lax`: it has to come with the
/// provider's redirect, and with nothing else that another site begins.
[[nodiscard]] std::string ticket_cookie(std::string_view sealed, bool is_tls);

/// `path` when it is a path in one of the portals and nothing that a browser could take for another place; otherwise
/// the customer's portal.
[[nodiscard]] std::string own_path(std::string_view path);
/// The portal that a path of ours is in: "/operator/" or "/portal/".
[[nodiscard]] std::string portal_of(std::string_view path);

}  // namespace yz::control
