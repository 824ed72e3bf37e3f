#pragma once

#include <atomic>
#include <cstdint>

#include "net/openssl.h"
#include "net/tls_certificate.h"

namespace yz::net {

/// A certificate as OpenSSL has it. Immutable, but for what makes its handshakes cheaper once there are many.
struct TlsCertificate::Parts {
  Parts() = default;
  ~Parts();
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  X509Ptr leaf;
  KeyPtr key;
  ChainPtr chain;  ///< the certificates after the leaf
  mutable std::atomic<std::uint32_t> uses{0};
  /// A context that holds nothing but this certificate, to be put upon a connection in place of checking the
  /// certificate anew (10 us of a handshake's 200). Made by the server side for those in frequent use; 14 KB each.
  mutable std::atomic<SSL_CTX*> prepared{nullptr};
};

/// Prepared contexts there may be; other certificates are checked in each handshake.
inline constexpr std::uint32_t kMostPrepared = 1024;
/// How many there are.
[[nodiscard]] std::atomic<std::uint32_t>& prepared_count();

}  // namespace yz::net
