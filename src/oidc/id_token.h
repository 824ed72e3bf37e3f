#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace yz::oidc {

/// What an ID token says of the person, once verified (OpenID Connect Core §2, §5.1); what it leaves out of their
/// address and name the provider may tell at its UserInfo endpoint.
struct IdToken {
  std::string subject;  ///< never another person's at this issuer; 1 to 255 bytes
  std::string email;    ///< the claim that was asked for, as it came; empty: not given
  bool email_verified = false;
  std::string name;  ///< for people; empty: not given
};

/// What a token must have been made for.
struct Expectation {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  std::string email_claim = "email";
};

/// The keys of a provider that signatures can be checked with: RSA of 2048 to 8192 bits for RS256, P-256 for ES256.
/// Immutable; copies share it; any thread.
class KeySet final {
 public:
  static constexpr std::size_t kMaxText = 256 << 10;  ///< bytes of a document
  static constexpr std::size_t kMaxKeys = 64;

  KeySet();
  /// Reads a JWK set (RFC 7517 §5). Keys of other kinds, for other uses, or broken ones are left out, as §5 says.
  /// Fails with kCorrupt, the provider's fault, when it is no such document, or too large.
  [[nodiscard]] static Result<KeySet> read(std::string_view json);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Key;
  friend Result<IdToken> verify(std::string_view, const KeySet&, const Expectation&, WallTime);
  explicit KeySet(std::shared_ptr<const std::vector<Key>> keys);

  std::shared_ptr<const std::vector<Key>> keys_;  // shared by copies
};

inline constexpr std::size_t kMaxIdToken = 16 << 10;  ///< bytes, encoded
inline constexpr std::chrono::seconds kLeeway{60};    ///< by which clocks may differ

/// Checks an ID token in JWS compact form (RFC 7515 §7.1) as OpenID Connect Core §3.1.3.7 says: signed by one of the
/// keys with RS256 or ES256 and nothing else, of this issuer, for this client alone or on its behalf, in force, with
/// this nonce. Fails, the provider's fault, with kNotFound when it names a key that is not there (others may be by
/// now), else with kPermission and what was wrong, without any of the token's text.
[[nodiscard]] Result<IdToken> verify(std::string_view token, const KeySet& keys, const Expectation& expected,
                                     WallTime now);

/// Adds address and name from the answer of the UserInfo endpoint. Fails, the provider's fault, with kCorrupt when it
/// is no JSON object, kPermission when it is about somebody else (Core §5.3.2).
[[nodiscard]] Result<IdToken> add_userinfo(IdToken person, std::string_view json, const std::string& email_claim);

}  // namespace yz::oidc
