#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "base/ip.h"
#include "http/header_map.h"
#include "http/message.h"
#include "io/reactor.h"
#include "io/stream.h"
#include "io/task.h"

namespace yz::net {

class TlsClientContext;
class ClientConnection;
class ConnectionPool;
class IdleBoard;
struct UpstreamConnection;

/// In the message of an error that met us before any of the request was sent, as a context.
inline constexpr std::string_view kConnecting = "connecting";

/// Where a request goes. Connections are kept and reused per distinct value.
struct Upstream {
  Endpoint endpoint;
  std::vector<IpAddress> others;  ///< further addresses of the same server, tried as connect_any() does; no part of ==
  std::string unix_path;          ///< instead of the endpoint when not empty
  bool tls = false;
  std::string tls_server_name;  ///< SNI and the name the certificate must have; empty: neither is sent nor checked
  bool verify_tls = true;       ///< false: any certificate will do
  std::string tls_verify_name;  ///< the name the certificate must have instead, when not empty
  std::shared_ptr<TlsClientContext> tls_context;  ///< whom to trust; null: as the client does

  friend bool operator==(const Upstream& a, const Upstream& b) {
    return a.endpoint == b.endpoint && a.unix_path == b.unix_path && a.tls == b.tls &&
           a.tls_server_name == b.tls_server_name && a.verify_tls == b.verify_tls &&
           a.tls_verify_name == b.tls_verify_name && a.tls_context == b.tls_context;
  }
};

/// "10.0.0.1:80", "https 10.0.0.1:443 (www.example.com)", "unix:/run/x.sock".
[[nodiscard]] std::string to_string(const Upstream& upstream);

/// The body of a request that is not in memory. Read once, from the client's reactor.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Bytes in all; none: unknown, sent chunked.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
  /// Some bytes; 0 at the end.
  [[nodiscard]] virtual io::Task<Result<std::size_t>> read(std::span<char> into) = 0;
};

/// Told of interim responses as they come.
class InterimSink {
 public:
  virtual ~InterimSink() = default;
  /// A 1xx other than 100 and 101. The head's views are valid until the task ends; the response waits for it.
  [[nodiscard]] virtual io::Task<void> on_interim(const http::ResponseHead& head) = 0;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  ///< origin-form: path and query, as they go on the wire
  std::string host;          ///< Host field; empty: the upstream's address
  http::HeaderMap headers;   ///< the rest; no Host, Connection, Content-Length or Transfer-Encoding
  std::string body;
  BodySource* body_source = nullptr;  ///< instead of `body`; outlives the call to send()
  InterimSink* interim = nullptr;     ///< outlives the call to send()
  /// A response whose Transfer-Encoding does not end in chunked is read until the connection closes, as RFC 9112 §6.3
  /// has it, and not refused. What coding it is in nobody can tell then.
  bool accepts_unknown_coding = false;
  /// "websocket": asks for an upgrade (Connection: Upgrade). The response may be a 101; see ClientResponse::tunnel().
  std::string upgrade;
};

struct ClientTimeouts {
  std::chrono::milliseconds connect = std::chrono::seconds(3);      ///< TCP, and TLS again
  std::chrono::milliseconds first_byte = std::chrono::seconds(30);  ///< from the request's last byte to the head
  std::chrono::milliseconds idle = std::chrono::seconds(30);        ///< between two reads of the body
  std::chrono::milliseconds write_stall = std::chrono::seconds(30);
};

/// A response whose body is still to be read. Owns its connection: when the body has been read to its end the
/// connection goes back to the pool; when this is destroyed before, it is closed.
class ClientResponse {
 public:
  ClientResponse(ClientResponse&&) noexcept;
  ClientResponse& operator=(ClientResponse&&) noexcept;
  ~ClientResponse();

  /// Views valid until this object is destroyed.
  [[nodiscard]] const http::ResponseHead& head() const;
  [[nodiscard]] http::StatusCode status() const { return head().status; }
  /// Some bytes of the decoded body; 0 at its end, which for a body of known length or chunked was verified. Fails with
  /// kUnavailable when it ended early, kInvalid on broken chunks, kTimeout; all blamed on the origin.
  [[nodiscard]] io::Task<Result<std::size_t>> read(std::span<char> into);
  /// What of the body has been received and not given yet, without waiting or copying: fills `pieces` from its start
  /// and returns how many it took; valid until the next call. 0 says that read() would have to wait, or fails.
  [[nodiscard]] std::size_t take_received(std::span<iovec> pieces);
  /// True when the whole body was given.
  [[nodiscard]] bool is_over() const;
  /// The rest of the body; fails with kLimit when it has more than `limit` bytes.
  [[nodiscard]] io::Task<Result<std::string>> read_all(std::size_t limit);
  /// Bytes received and sent on the wire for this request, heads included.
  [[nodiscard]] std::uint64_t bytes_in() const;
  [[nodiscard]] std::uint64_t bytes_out() const;
  /// True when the connection had served a request before.
  [[nodiscard]] bool was_reused() const;
  /// The address that answered.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  /// Keeps `guard` until the response has been read to its end or failed, or this is destroyed.
  void hold(std::shared_ptr<void> guard);

  /// After a 101: the connection. `early` are bytes already received.
  struct Tunnel {
    io::Stream& stream;
    std::string_view early;
  };
  [[nodiscard]] Tunnel tunnel();

 private:
  friend class HttpClient;
  explicit ClientResponse(std::unique_ptr<ClientConnection> connection);
  Endpoint endpoint_;
  std::unique_ptr<ClientConnection> connection_;
};

/// HTTP/1.1 client of one reactor, with a pool of idle connections. Belongs to the reactor's thread; responses may not
/// outlive it.
class HttpClient {
 public:
  struct Options {
    std::size_t max_idle_per_upstream = 64;
    std::size_t max_idle = 1024;
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(50);  ///< below the 60 s most servers keep
    /// How long another reactor may take to hand a connection over; a busy one is no help.
    std::chrono::milliseconds ask_patience{10};
  };
  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t connects = 0;
    std::uint64_t reuses = 0;
    std::uint64_t taken = 0;    ///< of the reuses: connections another reactor's client had idle
    std::uint64_t retries = 0;  ///< on a fresh connection, after a reused one had died
  };

  explicit HttpClient(io::Reactor& reactor) : HttpClient(reactor, Options()) {}
  HttpClient(io::Reactor& reactor, const Options& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Idle connections are shared with the other clients of this board. On the client's thread.
  void share(IdleBoard& board);

  /// Trust for TLS; without it the system's certificates are trusted.
  void set_tls(std::shared_ptr<TlsClientContext> tls) { tls_ = std::move(tls); }

  /// After an address has not answered for this long the next is tried beside it (RFC 8305 §5).
  static constexpr std::chrono::milliseconds kStagger{250};

  /// Sends the request and returns when the final response's head is there (101 is final, other 1xx go to the request's
  /// sink). A reused connection that dies before any byte of the response is replaced once by a fresh one, if the
  /// method is idempotent and the body (if any) is in memory. Failures are blamed on the origin: kUnavailable (refused,
  /// closed), kTimeout, kInvalid (not HTTP), kPermission (certificate); a failing BodySource keeps its own blame.
  [[nodiscard]] io::Task<Result<ClientResponse>> send(Upstream upstream, ClientRequest request,
                                                      ClientTimeouts timeouts = {});

  /// The same without copies: `upstream` and `request`, which names its host, outlive the call.
  [[nodiscard]] io::Task<Result<ClientResponse>> ask(const Upstream& upstream, const ClientRequest& request,
                                                     ClientTimeouts timeouts);

  [[nodiscard]] std::size_t idle_connections() const;
  /// Closes all idle connections.
  void close_idle();
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  [[nodiscard]] io::Task<Result<std::unique_ptr<ClientConnection>>> open(Upstream upstream, ClientTimeouts timeouts);
  [[nodiscard]] io::Task<Result<std::unique_ptr<io::Stream>>> connect(Upstream& upstream, ClientTimeouts timeouts);
  [[nodiscard]] std::unique_ptr<UpstreamConnection> take_own(const Upstream& upstream);
  [[nodiscard]] io::Task<std::unique_ptr<UpstreamConnection>> take_elsewhere(Upstream upstream);
  [[nodiscard]] bool is_shared(const Upstream& upstream) const;
  [[nodiscard]] Result<std::shared_ptr<TlsClientContext>> tls();

  io::Reactor& reactor_;
  const std::chrono::milliseconds ask_patience_;
  std::shared_ptr<TlsClientContext> tls_;
  IdleBoard* board_ = nullptr;
  std::shared_ptr<ConnectionPool> pool_;  // shared with the connections in use, which come back to it
  Counts counts_;
};

}  // namespace yz::net
