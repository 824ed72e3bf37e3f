#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/tls_certificate.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace yz::net {

/// Who a server shall prove to be.
struct TlsServerName {
  std::string sni;       ///< sent, if not empty and not an address
  std::string expected;  ///< the DNS name or address its certificate must have; empty: any of a trusted chain
  bool verify = true;    ///< false: any certificate will do
};

/// TLS towards servers: whom to trust, and the sessions of earlier connections, so that later ones need no new proof
/// (RFC 8446 §2.2). Any thread.
class TlsClientContext {
 public:
  struct Options {
    std::string_view ca_pem;                            ///< certificates to trust; not kept
    bool trusts_system = true;                          ///< the system's authorities, too
    bool requires_tls13 = false;                        ///< else TLS 1.2 will do
    std::vector<std::string> protocols = {"http/1.1"};  ///< offered by ALPN
    std::shared_ptr<const TlsCertificate> certificate;  ///< shown when the server asks; none: none
  };

  /// Fails with kInvalid when `ca_pem` is not empty and holds no certificate, or `certificate` is not sound.
  [[nodiscard]] static Result<std::shared_ptr<TlsClientContext>> make(const Options& options);
  /// Trusts the system's certificates, and those of `extra_ca_pem` if it is not empty.
  [[nodiscard]] static Result<std::shared_ptr<TlsClientContext>> make(std::string_view extra_ca_pem = {});
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  /// A connection about to shake hands with `server` at `port`: name, what is verified, and the session of an earlier
  /// one, if there is one for the very same demands. Owned by the caller, who keeps this context as long.
  [[nodiscard]] ssl_st* make_connection(const TlsServerName& server, std::uint16_t port);

 private:
  friend struct TlsClientCallbacks;
  /// Sessions kept; further servers' push out others.
  static constexpr std::size_t kMostSessions = 1024;

  TlsClientContext() = default;
  void remember(const std::string& key, ssl_session_st* session);

  ssl_ctx_st* context_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, ssl_session_st*> sessions_;  // by what was verified; guarded by mutex_
};

/// A stable token for why a certificate was refused (an X509_V_ERR_ number): "tls-expired", "tls-not-yet-valid",
/// "tls-name", "tls-self-signed", "tls-untrusted", or "tls-refused".
[[nodiscard]] std::string_view refusal_token(long verify_result);

}  // namespace yz::net
