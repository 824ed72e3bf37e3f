#pragma once

#include <cstdint>
#include <string_view>

#include "http/cache_control.h"
#include "http/fields.h"
#include "http/freshness.h"
#include "http/method.h"
#include "http/profile.h"
#include "http/status.h"

namespace yz::http {

/// May a response be stored, and if not, which rule forbids it.
enum class Storability : std::uint8_t {
  kStore,
  kMethod,         ///< only GET responses are stored
  kStatus,         ///< 206, 304 and interim responses, or must-understand with a code we do not understand
  kNoStore,        ///< Cache-Control: no-store, of the response or (rfc profile) the request
  kPrivate,        ///< for one user only
  kAuthorization,  ///< the request had credentials and nothing allows sharing (§3.5)
  kVaryAny,        ///< Vary: * matches no later request (§4.1)
  kSetCookie,      ///< safe profile: sets a cookie
  kClientError,    ///< safe profile: an error that the bytes of one request may have caused
  kContentType,    ///< safe profile: what the rule took for a static file is something else
  kNoFreshness,    ///< neither a lifetime nor a validator: it could never be reused
};
/// Short lower-case name for Cache-Status details and metrics.
[[nodiscard]] std::string_view to_string(Storability verdict);

/// Error codes that tell of one request rather than of the resource (400, 408, 413, 431, …): whoever sends such a
/// request on purpose could otherwise have everyone served the error (CPDoS).
[[nodiscard]] bool blames_the_request(StatusCode status);

/// RFC 9111 §3, for a shared cache. `lifetime` from freshness_lifetime().
[[nodiscard]] Storability decide_storability(Method method, Fields request, StatusCode status, Fields response,
                                             const ResponseDirectives& directives, const Lifetime& lifetime,
                                             Profile profile);

}  // namespace yz::http
