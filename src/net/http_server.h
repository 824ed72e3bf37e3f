#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "http/request_parser.h"
#include "io/listener.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/waiters.h"
#include "metrics/histogram.h"
#include "net/address_quota.h"
#include "net/exchange.h"
#include "net/h2/flood_guard.h"

namespace yz::net {

namespace h2 {
class Session;
struct Spares;
}  // namespace h2

class AcceptBalance;
class DormantConnection;
class HttpSession;
class TlsServerContext;
class TlsStream;
struct SessionScratch;

/// A connection that is served, and what is known of it beyond one session.
struct ServedConnection {
  std::unique_ptr<io::Stream> stream;
  Endpoint peer;
  std::string_view server_name;  ///< kept by the stream; empty without TLS
  bool is_tls = false;
  std::uint64_t requests = 0;  ///< answered on it
};

/// Limits of a server's connections; the defaults are those of an edge that faces the world.
struct HttpServerOptions {
  std::chrono::milliseconds head_timeout = std::chrono::seconds(10);  ///< for a whole head, from its first byte
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(60);  ///< between requests
  std::chrono::milliseconds doze_after{100};  ///< without a request; then only a DormantConnection is kept of it
  std::chrono::milliseconds write_stall = std::chrono::seconds(30);  ///< without a byte taken by the client
  std::chrono::milliseconds body_grace = std::chrono::seconds(10);   ///< before the body's least rate counts
  std::uint64_t body_min_rate = 240;   ///< bytes/s of a request's body; 0: none, each wait lasts `idle_timeout`
  std::uint64_t send_min_rate = 1024;  ///< bytes/s taken of an answer after `write_stall`; 0: none
  std::chrono::milliseconds tls_timeout = std::chrono::seconds(10);  ///< for the handshake
  std::size_t max_handshakes = 4096;      ///< under way at once; one more ends the one that has taken longest
  std::uint64_t drain_body = 64 * 1024;   ///< bytes of an unread body skipped to keep the connection
  std::size_t max_connections = 100'000;  ///< on this reactor; more are closed at once
  std::uint32_t max_per_address = 0;     ///< connections of one client (see AddressQuota); more are closed; 0: no limit
  std::uint64_t max_requests = 100'000;  ///< on one connection, then it is closed
  http::RequestRules rules;
  /// Serve HTTP/2: in the clear to connections that begin with its preface, over TLS where ALPN agreed on it.
  bool http2 = true;
  h2::Limits h2;
  metrics::Histogram handshake_time;  ///< of TLS, those that succeed; µs

  /// How long the next bytes of a request's body may take, when so many came and were waited for so long.
  [[nodiscard]] std::chrono::nanoseconds patience_for_body(std::uint64_t received,
                                                           std::chrono::nanoseconds waited) const;
};

/// HTTP/1.0, 1.1 and 2 on one reactor. Make one per worker, on the same port with `reuse_port`, to use several cores.
/// Pipelined requests are answered in order; a keep-alive request costs one read and one writev. Belongs to its
/// reactor's thread; destroying it cancels what its connections do.
class HttpServer {
 public:
  struct Counts {
    std::uint64_t accepted = 0;
    std::uint64_t given = 0;  ///< of those, handed to a server with fewer connections
    std::uint64_t requests = 0;
    std::uint64_t bad_requests = 0;  ///< refused by the parser
    std::uint64_t over_quota = 0;    ///< connections closed at once: their address has its share
    std::uint64_t over_limit = 0;    ///< the same because this reactor has all it may, and none was idle
    std::size_t connections = 0;     ///< open now
    std::size_t busy = 0;            ///< of those, with a request in work
    std::size_t dormant = 0;         ///< of those, without a session
    h2::Counts h2;
    std::size_t handshakes = 0;     ///< of those, still agreeing on TLS
    std::uint64_t tls_full = 0;     ///< handshakes done whole
    std::uint64_t tls_resumed = 0;  ///< handshakes shortened by a ticket
    std::uint64_t tls_failed = 0;   ///< refused, broken or too slow
  };

  /// `handler` outlives the server.
  HttpServer(io::Reactor& reactor, HttpHandler& handler, HttpServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Starts to serve; port 0 takes a free one. Returns the address in fact bound. May be called for several addresses.
  [[nodiscard]] Result<Endpoint> listen(const Endpoint& endpoint, const io::TcpListener::Options& options = {});
  [[nodiscard]] Result<Endpoint> listen_tls(const Endpoint& endpoint, std::shared_ptr<TlsServerContext> tls,
                                            const io::TcpListener::Options& options = {});
  [[nodiscard]] Status listen_unix(const std::string& path, unsigned mode = 0600);

  /// From now on connections are shared with the others of `balance`, which listen on the same addresses in the same
  /// order. After the last listen(); at most once.
  void share_connections(std::shared_ptr<AcceptBalance> balance, std::size_t seat);

  /// Graceful end: stops accepting, closes idle connections, announces close on the others and waits for them; what is
  /// left at the deadline is cut. Ends when no connection is open.
  [[nodiscard]] io::Task<void> drain(MonoTime deadline);
  [[nodiscard]] bool is_draining() const { return is_draining_; }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  friend class AcceptBalance;
  friend class DormantConnection;
  friend class HttpSession;
  friend class h2::Session;
  struct Listening;
  struct Handshake;
  struct Counted;
  /// Puts sessions to sleep that have been idle for long enough.
  struct Sweeper final : io::TimerNode {
    explicit Sweeper(HttpServer& s) : server(s) {}
    void on_timer() override { server.put_to_sleep(); }
    HttpServer& server;
  };

  io::Task<void> accept_loop(std::size_t listener);
  [[nodiscard]] bool hand_over(io::TcpStream& stream, std::size_t listener);
  void take_given(UniqueFd fd, const Endpoint& peer, std::size_t listener);
  /// Where the limits allow it.
  void admit(io::TcpStream stream, const std::shared_ptr<TlsServerContext>& tls);
  void count_connection(int change);
  void take_in(io::TcpStream stream, const std::shared_ptr<TlsServerContext>& tls);
  io::Task<void> serve(ServedConnection connection);
  io::Task<void> serve_tls(io::TcpStream stream, std::shared_ptr<TlsServerContext> tls);
  [[nodiscard]] io::Task<std::unique_ptr<TlsStream>> secure(io::TcpStream stream,
                                                            std::shared_ptr<TlsServerContext> tls);
  [[nodiscard]] Result<Endpoint> start(io::TcpListener listener, std::shared_ptr<TlsServerContext> tls);
  io::Task<void> serve_http2(std::string early, io::Stream& stream, Endpoint peer, bool is_tls,
                             std::string_view server_name);
  bool shed_idle_connection();
  void put_to_sleep();
  /// A session has become idle.
  void expect_sleepers() {
    if (!sweeper_.is_linked()) reactor_.timers().link(sweeper_, reactor_.in(options_.doze_after));
  }
  void wake(ServedConnection connection);
  void leave(const IpAddress& address);

  io::Reactor& reactor_;
  HttpHandler& handler_;
  const HttpServerOptions options_;
  Counts counts_;
  AddressQuota quota_;
  std::shared_ptr<AcceptBalance> balance_;  // null: connections are not shared
  std::size_t seat_ = 0;
  bool is_draining_ = false;
  io::Waiters closed_one_;
  std::vector<std::unique_ptr<SessionScratch>> spare_scratch_;  // buffers of idle connections, for whoever needs one
  std::vector<std::unique_ptr<Listening>> listeners_;
  io::ListLink handshakes_;  // under way, the oldest first
  const std::unique_ptr<h2::Spares> spares_;
  io::ListLink h2_sessions_;  // all of them
  io::ListLink idle_;         // of sessions without a request, the one idle longest first
  io::ListLink dormant_;      // of connections without a session, in the same order; owned
  Sweeper sweeper_{*this};
  io::TaskScope connections_;
  io::TaskScope acceptors_;
};

}  // namespace yz::net
