#pragma once

#include <array>
#include <string_view>

#include "base/result.h"
#include "http/status.h"

namespace yz::edge {

/// What of an upstream's failure programs want to know: tokens for Cache-Status, logs and metrics, where the code alone
/// says too little. An error carries one as a context in its message ("queue-full: too many requests …").
inline constexpr std::array<std::string_view, 16> kFailureReasons = {
    "out",              // its breaker is open
    "queue-full",       // too many wait for a connection
    "queue-timeout",    // none became free in time
    "dns",              // its name has no address
    "connect-refused",  // or unreachable
    "connect-timeout",
    "tls-expired",
    "tls-not-yet-valid",
    "tls-name",  // the certificate names others
    "tls-self-signed",
    "tls-untrusted",
    "tls-refused",    // another fault of the certificate
    "tls-handshake",  // no common version or cipher, or not TLS
    "timeout",        // connected, but no answer in time
    "closed",         // before the answer was whole
    "invalid",        // not HTTP
};

/// The token of a failure; "failed" when nothing more is known.
[[nodiscard]] std::string_view reason_of(const Error& error);
/// The same error with its token in front of the message. A place in the list above it has none of keeps it as it is.
[[nodiscard]] Error with_reason(Error error, std::string_view reason);
/// Puts the token in front that follows from code and context of an error of net::HttpClient.
[[nodiscard]] Error classified(Error error);
/// True when nothing of the request can have reached a server: it may be sent to another whatever it is.
[[nodiscard]] bool is_unsent(const Error& error);
/// False when our own bounds kept the request from the server.
[[nodiscard]] bool was_asked(const Error& error);
/// What the viewer is told: 400 for its own fault, 503 where waiting helps, 504 for a server too slow, else 502.
[[nodiscard]] http::StatusCode status_for(const Error& error);

}  // namespace yz::edge
