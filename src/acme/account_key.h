#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::acme {

/// The key that an ACME account is known by: P-256, signing with ES256 (RFC 8555 §6.2). Immutable once made; copies
/// share it; any thread.
class AccountKey final {
 public:
  [[nodiscard]] static Result<AccountKey> generate();
  /// Fails with kInvalid when it is no P-256 key in PEM.
  [[nodiscard]] static Result<AccountKey> from_pem(std::string_view pem);

  [[nodiscard]] Result<std::string> to_pem() const;
  /// The public key as a JWK in the form of RFC 7638 §3.3: members sorted, no spaces.
  [[nodiscard]] const std::string& jwk() const { return jwk_; }
  /// base64url(SHA-256(jwk)), RFC 7638: the second half of key authorizations (RFC 8555 §8.1).
  [[nodiscard]] const std::string& thumbprint() const { return thumbprint_; }
  /// The ES256 signature of RFC 7518 §3.4: r and s, 32 bytes each.
  [[nodiscard]] Result<std::string> sign(std::string_view data) const;

 private:
  struct Held;
  explicit AccountKey(std::shared_ptr<const Held> held) : held_(std::move(held)) {}
  [[nodiscard]] static Result<AccountKey> make(std::shared_ptr<const Held> held);

  std::shared_ptr<const Held> held_;  // shared by copies
  std::string jwk_;
  std::string thumbprint_;
};

/// The flattened JWS (RFC 7515 §7.2.2) in JSON: `header` and `payload` are JSON texts; an empty payload is POST-as-GET
/// (RFC 8555 §6.3).
[[nodiscard]] Result<std::string> sign_jws(const AccountKey& key, std::string_view header, std::string_view payload);
/// The same with HMAC-SHA-256 (HS256), for external account bindings (RFC 8555 §7.3.4).
[[nodiscard]] std::string mac_jws(std::string_view mac_key, std::string_view header, std::string_view payload);

/// What a challenge is answered with: token "." thumbprint (RFC 8555 §8.1).
[[nodiscard]] std::string key_authorization(std::string_view token, const AccountKey& key);
/// What the TXT record of DNS-01 says: base64url(SHA-256(key authorization)) (RFC 8555 §8.4).
[[nodiscard]] std::string dns_value(std::string_view authorization);

}  // namespace yz::acme
