#pragma once

#include <string>

#include "control/call.h"
#include "control/oidc/login_ticket.h"
#include "control/oidc/oidc_settings.h"
#include "control/sign_in.h"
#include "oidc/id_token.h"

namespace yz::control {

/// Why a login at an identity provider came to nothing, as the sign-in page is told. The rest is in the log.
enum class LoginRefusal : std::uint8_t {
  kState,       ///< no login of this browser is under way: replayed, begun elsewhere, or cookies are off
  kExpired,     ///< it took longer than ten minutes
  kDenied,      ///< the person said no, or may not use us, says the provider
  kProvider,    ///< the provider is down, slow or broken
  kToken,       ///< what it said does not hold
  kUnverified,  ///< it does not vouch for an e-mail address
  kUnknown,     ///< nobody here has that address
  kConflict,    ///< the user is somebody else at the provider
  kDisabled,    ///< the user may not sign in
  kTooMany,     ///< attempts of this address
  kFailed,      ///< a fault of ours
};
[[nodiscard]] std::string_view to_string(LoginRefusal refusal);

/// Begins a session for whom the provider vouches for: the user linked to this subject, else the one with the verified
/// address, linked from now on, else a new one where the settings say so. The second factor is the provider's to ask.
/// A password that somebody else chose ends with the first link: nobody but the provider says who it is then. Blocks.
[[nodiscard]] tl::expected<SignedIn, LoginRefusal> sign_in_by_provider(store::Database& database,
                                                                       const OidcSettings& settings,
                                                                       const store::SessionLimits& limits,
                                                                       const Call& call, const LoginTicket& ticket,
                                                                       const oidc::IdToken& person);

}  // namespace yz::control
