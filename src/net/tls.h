#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/task.h"
#include "io/tcp_stream.h"
#include "net/tls_certificate.h"
#include "net/tls_client.h"
#include "net/tls_tickets.h"

struct ssl_ctx_st;
struct ssl_st;

namespace yz::net {

class RecordSealer;
class TlsStream;

struct TlsServerOptions {
  std::vector<std::string> protocols = {"h2", "http/1.1"};  ///< offered by ALPN, the preferred first
  std::shared_ptr<TlsTicketKeys> tickets;                   ///< none: keys of this context alone, drawn when it is made
  bool kernel_tls = false;  ///< let the kernel encrypt where it can (see kernel_has_tls); else it is done here
  /// Clients are asked for a certificate, and one that these authorities did not sign is refused; a client without one
  /// is not (see TlsStream::peer_certificates). No handshake is shortened then, so that each proves who comes.
  std::string client_ca_pem;
};

/// True when the kernel can encrypt TLS records (the "tls" upper layer protocol). Asked once, by trying.
[[nodiscard]] bool kernel_has_tls();

/// TLS 1.2 and 1.3 for a listener; who we are is chosen per handshake by SNI. Any thread; one per worker shares no
/// lock.
class TlsServerContext {
 public:
  /// Called in each handshake with the SNI name in lower case (empty without one), before anything is answered. Null
  /// refuses the handshake with "unrecognized_name" (RFC 6066 §3). Any thread.
  using Choose = std::function<std::shared_ptr<const TlsIdentity>(std::string_view server_name)>;

  /// Fails with kInvalid when `client_ca_pem` is not empty and holds no certificate.
  [[nodiscard]] static Result<std::shared_ptr<TlsServerContext>> make(Choose choose, TlsServerOptions options = {});
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

 private:
  friend io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream, std::shared_ptr<TlsServerContext>,
                                                                 MonoTime);
  friend struct TlsServerCallbacks;
  TlsServerContext() = default;
  ssl_ctx_st* context_ = nullptr;
  Choose choose_;
  std::string alpn_;
  std::shared_ptr<TlsTicketKeys> tickets_;
  bool uses_kernel_ = false;
  bool asks_clients_ = false;
};

/// A TLS connection over a TCP connection. Made by accept_tls or connect_tls. After a write that failed (also by
/// time-out) it can only be destroyed. An end without close_notify is a reset, not an end.
///
/// Records are sealed into a buffer of the thread (TLS 1.3 by ourselves, see RecordSealer) and leave in one system call
/// for up to kBurst bytes; what the socket does not take waits in the connection. A short answer is one record: head
/// and body are gathered.
class TlsStream final : public io::Stream {
 public:
  /// Plaintext sealed for one system call.
  static constexpr std::size_t kBurst = 64 * 1024;

  ~TlsStream() override;
  [[nodiscard]] const Endpoint& peer() const { return peer_; }
  /// The name the client asked for (server side), lower case; empty without SNI.
  [[nodiscard]] const std::string& server_name() const { return server_name_; }
  /// What ALPN agreed on ("h2", "http/1.1"); empty without ALPN. Lives as long as the stream.
  [[nodiscard]] std::string_view protocol() const;
  /// "TLSv1.2" or "TLSv1.3".
  [[nodiscard]] std::string_view version() const;
  /// True when the handshake was shortened by a ticket.
  [[nodiscard]] bool is_resumed() const;
  /// What the peer proved to be, PEM, the leaf first; of a client the leaf alone. Empty: it showed none.
  [[nodiscard]] std::vector<std::string> peer_certificates() const;
  /// True when the kernel seals what is written, so that files are sent without a copy.
  [[nodiscard]] bool is_sealed_by_kernel() const { return kernel_seals_; }
  void shutdown_write() noexcept override;

 private:
  friend class HandshakeOp;
  friend struct SocketBio;
  friend struct TlsServerCallbacks;
  friend io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream, std::shared_ptr<TlsServerContext>,
                                                                 MonoTime);
  friend io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream, std::shared_ptr<TlsClientContext>,
                                                                  TlsServerName, MonoTime);
  TlsStream(io::TcpStream below, ssl_st* ssl, std::shared_ptr<void> context, bool tries_kernel);

  ssize_t try_read(std::span<char> into) noexcept override;
  ssize_t try_write(std::span<const iovec> from) noexcept override;
  ssize_t try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept override;
  [[nodiscard]] bool short_means_unready() const override { return false; }
  [[nodiscard]] bool has_buffered() const noexcept override;
  [[nodiscard]] bool take_sealing_over(const void* crypto_info) noexcept;
  [[nodiscard]] bool take_output(std::string_view output) noexcept;
  [[nodiscard]] bool seal_ourselves(std::span<const iovec> from, std::size_t size) noexcept;
  [[nodiscard]] int seal_by_openssl(std::span<const iovec> from, std::size_t size) noexcept;
  enum class Sink : std::uint8_t { kWait, kBurst, kSocket };  // where OpenSSL's records go
  [[nodiscard]] bool take_record(std::string_view record) noexcept;
  [[nodiscard]] ssize_t outcome(int returned) noexcept;
  [[nodiscard]] ssize_t seal(std::span<const iovec> from) noexcept;
  [[nodiscard]] ssize_t send_burst(std::string_view records, std::size_t size) noexcept;
  [[nodiscard]] ssize_t report(std::size_t sent, std::size_t of) noexcept;
  [[nodiscard]] ssize_t send_now(std::string_view bytes) noexcept;
  [[nodiscard]] int flush() noexcept;
  void after_handshake() noexcept;

  ssl_st* ssl_;
  std::shared_ptr<void> context_;  // keeps the callbacks alive
  Endpoint peer_;
  std::string server_name_;
  std::shared_ptr<const TlsIdentity> identity_;  // during a server's handshake
  std::string unsent_;                           // records the socket did not take yet
  std::size_t unreported_ = 0;                   // plaintext bytes sealed in unsent_ that no write has returned yet
  bool is_broken_ = false;                       // after a fatal error OpenSSL must not be asked again
  bool is_starved_ = false;                      // what OpenSSL has buffered is no whole record
  Sink sink_ = Sink::kWait;
  std::unique_ptr<RecordSealer> sealer_;  // none: OpenSSL seals
  std::uint8_t next_type_ = 0;            // of the record that OpenSSL gives us to seal next
  bool tries_kernel_ = false;
  bool kernel_seals_ = false;
};

/// Server side of the handshake. Fails with kTimeout, kInvalid (not TLS, no certificate, broken), blamed on the client.
[[nodiscard]] io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream below,
                                                                      std::shared_ptr<TlsServerContext> context,
                                                                      MonoTime deadline);
/// Client side. Fails with kTimeout, kPermission (certificate refused: the message begins with its refusal_token),
/// kInvalid, kUnavailable, blamed on the origin.
[[nodiscard]] io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream below,
                                                                       std::shared_ptr<TlsClientContext> context,
                                                                       TlsServerName server, MonoTime deadline);

}  // namespace yz::net
