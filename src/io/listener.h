#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/ip.h"
#include "io/tcp_stream.h"
#include "io/watch.h"

namespace yz::io {

class TcpListener;
struct SocketAddress;

/// Awaitable `Result<TcpStream>`: see TcpListener::accept.
class AcceptOp final : public FdOp {
 public:
  AcceptOp(TcpListener& listener, MonoTime deadline);
  Result<TcpStream> await_resume() { return std::move(result_); }

 private:
  bool attempt() override;
  [[nodiscard]] int accept_now(SocketAddress& address);
  [[nodiscard]] int take_accepted(SocketAddress& address);
  void fail_with(Error error) override { result_ = fail(std::move(error)); }
  Result<TcpStream> result_;
};

/// Accepts connections on a TCP port or a unix socket, for one reactor. Its unix socket file goes when it does.
class TcpListener {
 public:
  struct Options {
    int backlog = 4096;
    /// One listener per reactor on the same port; the kernel spreads the connections (SO_REUSEPORT).
    bool reuse_port = false;
  };

  /// Port 0 takes a free one: see local(). An IPv6 wildcard serves IPv4 too. Fails with kUnavailable (in use),
  /// kPermission.
  [[nodiscard]] static Result<TcpListener> bind(Reactor& reactor, const Endpoint& endpoint, const Options& options);
  [[nodiscard]] static Result<TcpListener> bind(Reactor& reactor, const Endpoint& endpoint) {
    return bind(reactor, endpoint, Options());
  }
  /// Replaces a socket file that nobody listens on any more; fails with kUnavailable when somebody does. `mode` as
  /// chmod.
  [[nodiscard]] static Result<TcpListener> bind_unix(Reactor& reactor, const std::string& path, unsigned mode = 0600);
  /// Takes a descriptor that listens already (handed over by a process before).
  [[nodiscard]] static Result<TcpListener> adopt(Reactor& reactor, UniqueFd fd);

  TcpListener(TcpListener&& other) noexcept { *this = std::move(other); }
  TcpListener& operator=(TcpListener&& other) noexcept;
  ~TcpListener() { close(); }

  /// The next connection. Fails with kLimit when the process is out of descriptors (wait before the next try),
  /// kTimeout, kCancelled. Connections that died in the queue are skipped.
  [[nodiscard]] AcceptOp accept(MonoTime deadline) { return {*this, deadline}; }
  [[nodiscard]] const Endpoint& local() const { return local_; }
  [[nodiscard]] Watch& watch() { return *watch_; }
  /// Stops listening now; nothing may wait on it. Connections in the queue are reset.
  void close() noexcept;

 private:
  friend class AcceptOp;
  TcpListener() = default;

  std::unique_ptr<Watch> watch_;
  Endpoint local_;
  std::string unix_path_;
};

}  // namespace yz::io
