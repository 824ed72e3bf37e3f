#include "net/http_server.h"

#include <sys/socket.h>

#include "base/log.h"
#include "net/accept_balance.h"
#include "net/dormant_connection.h"
#include "net/h2/session.h"
#include "net/http_session.h"
#include "net/tls.h"

namespace yz::net {

namespace {

/// Wait between tries to accept when the process has no descriptor left.
constexpr auto kNoDescriptorPause = std::chrono::milliseconds(20);

}  // namespace

struct HttpServer::Listening {
  io::TcpListener listener;
  std::shared_ptr<TlsServerContext> tls;  // null: plain
};

/// A handshake under way, counted and in the server's list.
struct HttpServer::Handshake : io::ListLink {
  Handshake(HttpServer& s, int socket) : server(s), fd(socket) {
    if (server.counts_.handshakes >= server.options_.max_handshakes && server.handshakes_.is_linked()) {
      static_cast<Handshake*>(server.handshakes_.next)->end();
    }
    ++server.counts_.handshakes;
    append_to(server.handshakes_);
  }
  ~Handshake() { leave(); }
  /// Its next read sees the end.
  void end() {
    leave();
    ::shutdown(fd, SHUT_RDWR);
  }
  void leave() {
    if (!is_linked()) return;
    unlink();
    --server.counts_.handshakes;
  }
  HttpServer& server;
  const int fd;
};

HttpServer::HttpServer(io::Reactor& reactor, HttpHandler& handler, HttpServerOptions options)
    : reactor_(reactor),
      handler_(handler),
      options_(options),
      quota_(options.max_per_address),
      spares_(std::make_unique<h2::Spares>()) {}

HttpServer::~HttpServer() {
  if (balance_) balance_->close(seat_);
  acceptors_.cancel_all();
  connections_.cancel_all();
  while (dormant_.is_linked()) DormantConnection::of(*dormant_.next).end();
}

Result<Endpoint> HttpServer::listen(const Endpoint& endpoint, const io::TcpListener::Options& options) {
  YZ_TRY(io::TcpListener listener, io::TcpListener::bind(reactor_, endpoint, options));
  return start(std::move(listener), nullptr);
}

Result<Endpoint> HttpServer::listen_tls(const Endpoint& endpoint, std::shared_ptr<TlsServerContext> tls,
                                        const io::TcpListener::Options& options) {
  YZ_TRY(io::TcpListener listener, io::TcpListener::bind(reactor_, endpoint, options));
  return start(std::move(listener), std::move(tls));
}

Status HttpServer::listen_unix(const std::string& path, unsigned mode) {
  YZ_TRY(io::TcpListener listener, io::TcpListener::bind_unix(reactor_, path, mode));
  YZ_CHECK(start(std::move(listener), nullptr));
  return {};
}

Result<Endpoint> HttpServer::start(io::TcpListener listener, std::shared_ptr<TlsServerContext> tls) {
  const Endpoint local = listener.local();
  listeners_.push_back(std::make_unique<Listening>(Listening{std::move(listener), std::move(tls)}));
  reactor_.spawn_into(acceptors_, accept_loop(listeners_.size() - 1));
  return local;
}

void HttpServer::share_connections(std::shared_ptr<AcceptBalance> balance, std::size_t seat) {
  YZ_ASSERT(!balance_);
  balance_ = std::move(balance);
  seat_ = seat;
  balance_->add(seat_, static_cast<std::int32_t>(counts_.connections));
  balance_->open(seat_, *this, reactor_);
}

io::Task<void> HttpServer::accept_loop(std::size_t listener) {
  Listening& listening = *listeners_[listener];
  bool has_warned = false;
  while (true) {
    auto stream = co_await listening.listener.accept(io::kNoDeadline);
    if (stream) {
      has_warned = false;
      ++counts_.accepted;
      if (!hand_over(*stream, listener)) admit(*std::move(stream), listening.tls);
      continue;
    }
    // Out of descriptors: idle connections make room. Anything else is a fault of the listener that may pass.
    if (!has_warned) log::warn("accept: {}", stream.error().message);
    has_warned = true;
    (void)shed_idle_connection();
    co_await io::sleep_for(kNoDescriptorPause);
  }
}

bool HttpServer::hand_over(io::TcpStream& stream, std::size_t listener) {
  const auto other = balance_ ? balance_->better_than(seat_) : std::nullopt;
  if (!other) return false;
  ++counts_.given;
  const Endpoint peer = stream.peer();
  balance_->give(*other, std::move(stream).release_fd(), peer, listener);
  return true;
}

void HttpServer::take_given(UniqueFd fd, const Endpoint& peer, std::size_t listener) {
  if (listener >= listeners_.size()) return;  // draining
  admit(io::TcpStream(reactor_, std::move(fd), peer), listeners_[listener]->tls);
}

void HttpServer::admit(io::TcpStream stream, const std::shared_ptr<TlsServerContext>& tls) {
  if (!quota_.enter(stream.peer().address)) {
    ++counts_.over_quota;
  } else if (counts_.connections < options_.max_connections || shed_idle_connection()) {
    take_in(std::move(stream), tls);
  } else {
    ++counts_.over_limit;
    quota_.leave(stream.peer().address);
  }
}

void HttpServer::count_connection(int change) {
  counts_.connections += static_cast<std::size_t>(change);
  if (balance_) balance_->add(seat_, change);
}

bool HttpServer::shed_idle_connection() {
  if (!idle_.is_linked() && dormant_.is_linked()) {
    DormantConnection::of(*dormant_.prev).end();
    return true;
  }
  if (!idle_.is_linked()) {
    for (io::ListLink* at = h2_sessions_.prev; at != &h2_sessions_; at = at->prev) {
      h2::Session& session = h2::Session::of(*at);
      if (session.is_idle()) return session.cut(), true;
    }
    return false;
  }
  HttpSession::of(*idle_.prev).close_idle();  // the one that became idle last has the least reason to come back
  return true;
}

std::chrono::nanoseconds HttpServerOptions::patience_for_body(std::uint64_t received,
                                                              std::chrono::nanoseconds waited) const {
  if (body_min_rate == 0) return idle_timeout;
  return body_grace + std::chrono::seconds(received / body_min_rate) - waited;
}

/// Counts a connection out at its end, unless it lives on elsewhere.
struct HttpServer::Counted {
  Counted(HttpServer& s, const IpAddress& a) : server(s), address(a) {}
  ~Counted() {
    if (!lives_on) server.leave(address);
  }
  HttpServer& server;
  const IpAddress address;
  bool lives_on = false;
};

void HttpServer::leave(const IpAddress& address) {
  count_connection(-1);
  quota_.leave(address);
  closed_one_.notify_all();
}

void HttpServer::take_in(io::TcpStream stream, const std::shared_ptr<TlsServerContext>& tls) {
  count_connection(1);
  if (tls) return reactor_.spawn_into(connections_, serve_tls(std::move(stream), tls));
  const Endpoint peer = stream.peer();
  ServedConnection plain{std::make_unique<io::TcpStream>(std::move(stream)), peer, {}, false, 0};
  reactor_.spawn_into(connections_, serve(std::move(plain)));
}

/// From its first byte, or from when it wakes, to its end, or until it falls asleep.
io::Task<void> HttpServer::serve(ServedConnection connection) {
  Counted counted(*this, connection.peer.address);
  std::string http2_start;
  MonoTime idle_since{};
  {
    HttpSession session(*this, connection);
    co_await session.run();
    counted.lives_on = session.is_dozing();
    connection.requests = session.served();
    idle_since = session.idle_since();
    http2_start = session.http2_start();
  }
  if (counted.lives_on) {
    DormantConnection::keep(*this, std::move(connection), idle_since + options_.idle_timeout);
    co_return;
  }
  if (!http2_start.empty()) {
    co_await serve_http2(std::move(http2_start), *connection.stream, connection.peer, false, {});
  }
  if (connection.is_tls) connection.stream->shutdown_write();
}

io::Task<void> HttpServer::serve_tls(io::TcpStream stream, std::shared_ptr<TlsServerContext> tls) {
  const Endpoint peer = stream.peer();
  Counted counted(*this, peer.address);
  auto secured = co_await secure(std::move(stream), std::move(tls));
  if (!secured) co_return;
  const std::string_view name = secured->server_name();
  if (options_.http2 && secured->protocol() == "h2") {
    co_await serve_http2({}, *secured, peer, true, name);
    secured->shutdown_write();
    co_return;
  }
  counted.lives_on = true;
  ServedConnection connection{std::move(secured), peer, name, true, 0};
  reactor_.spawn_into(connections_, serve(std::move(connection)));
}

void HttpServer::wake(ServedConnection connection) { reactor_.spawn_into(connections_, serve(std::move(connection))); }

void HttpServer::put_to_sleep() {
  while (idle_.is_linked()) {
    HttpSession& session = HttpSession::of(*idle_.next);
    const MonoTime due = session.idle_since() + options_.doze_after;
    if (due > reactor_.now()) return reactor_.timers().link(sweeper_, due);
    session.doze();
  }
}

/// In a frame of its own, so that HTTP/1 connections do not carry the room for it.
io::Task<void> HttpServer::serve_http2(std::string early, io::Stream& stream, Endpoint peer, bool is_tls,
                                       std::string_view server_name) {
  h2::Session session(*this, stream, peer, is_tls, server_name);
  co_await session.run(early);
}

/// The handshake; null when it failed.
io::Task<std::unique_ptr<TlsStream>> HttpServer::secure(io::TcpStream stream, std::shared_ptr<TlsServerContext> tls) {
  const Endpoint peer = stream.peer();
  const Handshake counted(*this, stream.watch().fd());
  const MonoTime began = reactor_.now();
  auto secured = co_await accept_tls(std::move(stream), std::move(tls), reactor_.in(options_.tls_timeout));
  if (!secured) {
    ++counts_.tls_failed;
    log::debug("{}: {}", to_string(peer), secured.error().message);
    co_return nullptr;
  }
  const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(reactor_.now() - began);
  options_.handshake_time.record(static_cast<std::uint64_t>(taken.count()));
  ++((*secured)->is_resumed() ? counts_.tls_resumed : counts_.tls_full);
  co_return *std::move(secured);
}

io::Task<void> HttpServer::drain(MonoTime deadline) {
  is_draining_ = true;
  if (balance_) balance_->close(seat_);
  acceptors_.cancel_all();
  listeners_.clear();
  while (idle_.is_linked()) HttpSession::of(*idle_.next).close_idle();
  while (dormant_.is_linked()) DormantConnection::of(*dormant_.next).end();
  for (io::ListLink* at = h2_sessions_.next; at != &h2_sessions_; at = at->next) h2::Session::of(*at).begin_leaving();
  while (true) {
    const auto ticket = closed_one_.ticket();
    if (counts_.connections == 0) co_return;
    if (!co_await closed_one_.wait(ticket, deadline)) break;
  }
  connections_.cancel_all();
}

}  // namespace yz::net
