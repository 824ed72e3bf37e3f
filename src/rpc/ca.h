#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace yz::rpc {

/// The DNS name in every control server's certificate and the one nodes expect, whatever address they connect to.
inline constexpr std::string_view kControlName = "control.yizhan.internal";

/// A private key and a certificate, PEM. Keys are ECDSA P-256 in PKCS #8. Never log one.
struct KeyPair {
  std::string key_pem;
  std::string certificate_pem;
};

/// A private key and the PKCS #10 request for it (RFC 2986).
struct KeyAndRequest {
  std::string key_pem;
  std::string request_pem;
};

/// Who a certificate is for: its URI SAN "yizhan://node/<id>" and its period of validity.
struct PeerIdentity {
  model::NodeId node;
  bool is_relay = false;  ///< it may also show itself to nodes as control, and speak for them
  WallTime not_before;
  WallTime not_after;
};

/// A new self-signed certificate authority, valid for ten years.
[[nodiscard]] Result<KeyPair> make_ca(std::string_view common_name, WallTime now);

/// A server certificate for control: SAN DNS:kControlName, extended key usage serverAuth. `certificate_pem` is the
/// chain, the CA last, so that a joining node can compare the CA with the fingerprint in its token.
[[nodiscard]] Result<KeyPair> make_server_certificate(const KeyPair& ca, WallTime now, std::chrono::hours lifetime);

/// What a node makes before it enrols; the key never leaves it.
[[nodiscard]] Result<KeyAndRequest> make_key_and_request();

/// What a certificate lets its holder be.
enum class CertificateUse : std::uint8_t {
  kNode,   ///< a client of control
  kRelay,  ///< that, and a server for nodes: SAN DNS:kControlName, serverAuth
};

/// A certificate for `node` over the request's key. Of the request only the key is used; its signature must be
/// its own (proof of possession). Fails with kInvalid on anything that is not such a request with a P-256 key.
[[nodiscard]] Result<std::string> sign_request(const KeyPair& ca, std::string_view request_pem, model::NodeId node,
                                               WallTime now, std::chrono::hours lifetime,
                                               CertificateUse use = CertificateUse::kNode);

/// Reads the identity from a certificate. Does not verify who signed it: TLS has.
/// Fails with kInvalid when it is no certificate, kPermission when it names no node.
[[nodiscard]] Result<PeerIdentity> identity_of(std::string_view certificate_pem);

/// Fails with kConflict unless the key belongs to the certificate and the CA signed it.
[[nodiscard]] Status verify_pair(const KeyPair& pair, std::string_view ca_pem);

/// SHA-256 over the DER of the (first) certificate, as 64 hex digits.
[[nodiscard]] Result<std::string> certificate_fingerprint(std::string_view certificate_pem);

/// What an operator hands to a new node: "yzj-<48 hex digits of secret>-<32 hex digits of the CA's fingerprint>".
struct JoinToken {
  std::string text;            ///< shown once
  std::string secret;          ///< 48 hex digits; store its SHA-256 alone
  std::string ca_fingerprint;  ///< the first 32 digits of certificate_fingerprint(ca)
};
[[nodiscard]] Result<JoinToken> make_join_token(std::string_view ca_pem);
/// Fails with kInvalid; the message never repeats the token.
[[nodiscard]] Result<JoinToken> parse_join_token(std::string_view text);

}  // namespace yz::rpc
