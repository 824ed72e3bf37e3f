#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/tls_certificate.h"

namespace yz::net {

/// Whom to ask whether a certificate still stands (RFC 6960), and the question in DER, to be sent by POST as
/// application/ocsp-request.
struct OcspQuestion {
  std::string url;
  std::string request;
};
/// None when the certificate names no responder, or its chain does not hold who issued it.
[[nodiscard]] std::optional<OcspQuestion> ocsp_question(const TlsCertificate& certificate);

struct OcspAnswer {
  WallTime produced;  ///< thisUpdate
  WallTime until;     ///< nextUpdate; an hour from now where the responder names none
};
/// Verifies a response: signed by the issuer or by whom it delegated, about this certificate, in its time, and good.
/// Fails with kInvalid or, when the certificate was revoked, kPermission.
[[nodiscard]] Result<OcspAnswer> check_ocsp_response(const TlsCertificate& certificate, std::string_view response,
                                                     WallTime now);

}  // namespace yz::net
