#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/task.h"
#include "io/tcp_stream.h"

struct ssl_ctx_st;
struct ssl_st;

namespace yz::net {

/// A certificate chain and its private key, ready for handshakes. Immutable; any thread.
class TlsCertificate {
 public:
  /// PEM texts; the leaf first. Fails with kInvalid when they do not parse or do not belong together.
  [[nodiscard]] static Result<std::shared_ptr<const TlsCertificate>> load(std::string_view chain_pem,
                                                                          std::string_view key_pem);
  ~TlsCertificate();
  TlsCertificate(const TlsCertificate&) = delete;
  TlsCertificate& operator=(const TlsCertificate&) = delete;

 private:
  friend class TlsServerContext;
  struct Parts;
  explicit TlsCertificate(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// TLS 1.2 and 1.3 for a listener; the certificate is chosen per handshake by SNI. Any thread.
class TlsServerContext {
 public:
  /// Called in each handshake with the SNI name in lower case (empty without one); null refuses the handshake. Any
  /// thread.
  using Choose = std::function<std::shared_ptr<const TlsCertificate>(std::string_view server_name)>;

  [[nodiscard]] static Result<std::shared_ptr<TlsServerContext>> make(Choose choose);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

 private:
  friend io::Task<Result<std::unique_ptr<class TlsStream>>> accept_tls(io::TcpStream, std::shared_ptr<TlsServerContext>,
                                                                       MonoTime);
  TlsServerContext() = default;
  ssl_ctx_st* context_ = nullptr;
  Choose choose_;
};

/// TLS towards origins. Any thread.
class TlsClientContext {
 public:
  /// Trusts the system's certificates, and those of `extra_ca_pem` if it is not empty.
  [[nodiscard]] static Result<std::shared_ptr<TlsClientContext>> make(std::string_view extra_ca_pem = {});
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

 private:
  friend io::Task<Result<std::unique_ptr<class TlsStream>>> connect_tls(io::TcpStream,
                                                                        std::shared_ptr<TlsClientContext>, std::string,
                                                                        bool, MonoTime);
  TlsClientContext() = default;
  ssl_ctx_st* context_ = nullptr;
};

/// A TLS connection over a TCP connection. Made by accept_tls or connect_tls. After a write that failed (also by
/// time-out) it can only be destroyed. An end without close_notify is a reset, not an end.
class TlsStream final : public io::Stream {
 public:
  ~TlsStream() override;
  [[nodiscard]] const Endpoint& peer() const { return peer_; }
  /// The name the client asked for (server side), lower case; empty without SNI.
  [[nodiscard]] const std::string& server_name() const { return server_name_; }
  void shutdown_write() noexcept override;

 private:
  friend class HandshakeOp;
  friend io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream, std::shared_ptr<TlsServerContext>,
                                                                 MonoTime);
  friend io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream, std::shared_ptr<TlsClientContext>,
                                                                  std::string, bool, MonoTime);
  TlsStream(io::TcpStream below, ssl_st* ssl, std::shared_ptr<void> context);

  ssize_t try_read(std::span<char> into) noexcept override;
  ssize_t try_write(std::span<const iovec> from) noexcept override;
  [[nodiscard]] bool short_means_unready() const override { return false; }
  [[nodiscard]] ssize_t outcome(int returned) noexcept;

  ssl_st* ssl_;
  std::shared_ptr<void> context_;  // keeps the callbacks alive
  Endpoint peer_;
  std::string server_name_;
  bool is_broken_ = false;  // after a fatal error OpenSSL must not be asked again
};

/// Server side of the handshake. Fails with kTimeout, kInvalid (not TLS, no certificate, broken), blamed on the client.
[[nodiscard]] io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream below,
                                                                      std::shared_ptr<TlsServerContext> context,
                                                                      MonoTime deadline);
/// Client side, with SNI `server_name` (if not empty). With `verify` the chain must be trusted and name it (a DNS name
/// or an IP address). Fails with kTimeout, kPermission (certificate refused), kUnavailable, blamed on the origin.
[[nodiscard]] io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream below,
                                                                       std::shared_ptr<TlsClientContext> context,
                                                                       std::string server_name, bool verify,
                                                                       MonoTime deadline);

}  // namespace yz::net
