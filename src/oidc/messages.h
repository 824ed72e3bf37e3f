#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::oidc {

/// What a provider says of itself (OpenID Connect Discovery 1.0 §3).
struct Metadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string userinfo_endpoint;  ///< empty: none
  bool names_issuer = false;      ///< it adds `iss` to what it sends the browser back with (RFC 9207 §3)
  bool takes_basic_auth = true;   ///< of the client's secret; otherwise in the body (RFC 6749 §2.3.1)
};

/// Reads the document of the provider `issuer`. Fails with kCorrupt, the provider's fault, when it is none, is of
/// another issuer (§4.3), lacks an endpoint, or names one that is not reached over HTTPS.
[[nodiscard]] Result<Metadata> read_metadata(std::string_view json, std::string_view issuer);

struct Tokens {
  std::string id_token;
  std::string access_token;  ///< for the UserInfo endpoint; empty: none, or none that a field may carry
};
/// A token endpoint's answer (Core §3.1.3.3). Fails with kCorrupt, the provider's fault.
[[nodiscard]] Result<Tokens> read_token_answer(std::string_view json);

/// The `error` of a refusal (RFC 6749 §5.2): its registered form, or "unknown" for anything else.
[[nodiscard]] std::string read_refusal(std::string_view json);
/// The same of a parameter: what may be logged of it.
[[nodiscard]] std::string plain_error(std::string_view code);

/// Whether it is an absolute URL without a fragment that a provider may be reached at: HTTPS, or HTTP to this machine
/// (127.0.0.0/8, [::1], localhost), which no network carries.
[[nodiscard]] bool is_provider_url(std::string_view url);
/// Whether it is one of those that are HTTP.
[[nodiscard]] bool is_plain_loopback(std::string_view url);

}  // namespace yz::oidc
