#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace yz::net {

/// A certificate chain and its private key, ready for handshakes. Any thread. What it was made from never changes; the
/// OCSP answer beside it does.
class TlsCertificate {
 public:
  /// PEM texts; the leaf first. Fails with kInvalid when they do not parse or do not belong together.
  [[nodiscard]] static Result<std::shared_ptr<const TlsCertificate>> load(std::string_view chain_pem,
                                                                          std::string_view key_pem);
  /// The same without reading the texts before a handshake or check() first needs them, so that ten thousand cost
  /// nothing until they are used. `owner` keeps the texts alive.
  [[nodiscard]] static std::shared_ptr<const TlsCertificate> lazily(std::shared_ptr<const void> owner,
                                                                    std::string_view chain_pem,
                                                                    std::string_view key_pem);
  ~TlsCertificate();
  TlsCertificate(const TlsCertificate&) = delete;
  TlsCertificate& operator=(const TlsCertificate&) = delete;

  /// Reads the texts if that was not done. Fails with kInvalid when they are not sound.
  [[nodiscard]] Status check() const;
  /// True when the texts were read, by check() or for a handshake.
  [[nodiscard]] bool is_loaded() const { return is_loaded_.load(std::memory_order_acquire); }

  /// An OCSP response (DER) to hand out with the certificate until `until`; empty: none.
  void set_staple(std::string response, WallTime until) const;
  /// The response to hand out at `now`; null: none, or it is too old.
  [[nodiscard]] std::shared_ptr<const std::string> staple(WallTime now) const;

  struct Parts;  // OpenSSL's objects, in tls_parts.h
  /// Null when the texts are not sound.
  [[nodiscard]] const Parts* parts() const;

 private:
  TlsCertificate(std::shared_ptr<const void> owner, std::string_view chain_pem, std::string_view key_pem);
  void read() const;

  const std::shared_ptr<const void> owner_;
  const std::string_view chain_pem_;
  const std::string_view key_pem_;
  mutable std::once_flag read_once_;
  mutable std::atomic<bool> is_loaded_{false};
  mutable std::unique_ptr<const Parts> parts_;  // written under read_once_
  mutable std::string problem_;                 // likewise
  mutable std::mutex staple_mutex_;
  mutable std::shared_ptr<const std::string> staple_;  // guarded by staple_mutex_
  mutable WallTime staple_until_{};                    // guarded by staple_mutex_
};

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

/// How a server shows itself under one name.
struct TlsIdentity {
  /// Best first. Of each kind of key (ECDSA, RSA) the first that is sound is offered, and the client's abilities
  /// decide.
  std::vector<std::shared_ptr<const TlsCertificate>> certificates;
  TlsVersion min_version = TlsVersion::kTls12;
};

}  // namespace yz::net
