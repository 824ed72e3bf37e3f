#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace yz::acme {

enum class CertificateKeyKind : std::uint8_t { kEcdsaP256, kRsa2048 };

/// A new private key for a certificate, PKCS#8 in PEM.
[[nodiscard]] Result<std::string> make_certificate_key(CertificateKeyKind kind);

/// A certificate signing request (RFC 2986) in DER for DNS names, all of them in subjectAltName (RFC 8555 §7.4).
[[nodiscard]] Result<std::string> make_certificate_request(std::string_view key_pem,
                                                           const std::vector<std::string>& names);

/// What renewing and revoking need to know of an issued certificate.
struct LeafFacts {
  std::string der;  ///< of the first certificate of the chain
  std::string
      ari_id;  ///< RFC 9773 §4.1: base64url(key identifier) "." base64url(serial); empty: it names no issuer key
  std::string issuer;  ///< common name
  std::string root;    ///< common name of who issued the last certificate of the chain
  WallTime not_before;
  WallTime not_after;
};
/// Fails with kInvalid when the text holds no certificate.
[[nodiscard]] Result<LeafFacts> read_leaf(std::string_view chain_pem);

}  // namespace yz::acme
