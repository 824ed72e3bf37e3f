#include "io/listener.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include "io/reactor.h"
#include "io/socket.h"

namespace yz::io {

namespace {

/// Errors accept4(2) passes on from the connection it would have returned.
bool is_about_the_peer(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

/// Removes the socket file at `path` if no process listens on it.
Status remove_dead_socket(const std::string& path, const SocketAddress& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return fail(Code::kAlreadyExists, path + " exists and is not a socket");
  YZ_TRY(const UniqueFd probe, make_socket(AF_UNIX, SOCK_STREAM));
  if (::connect(probe.get(), address.data(), address.size) == 0 || errno == EAGAIN) {
    return fail(Code::kUnavailable, "another process listens on " + path);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("unlink " + path, errno);
  return {};
}

}  // namespace

AcceptOp::AcceptOp(TcpListener& listener, MonoTime deadline) : FdOp(listener.watch(), Half::kRead, deadline) {}

bool AcceptOp::attempt() {
  if (!watch().may_be_ready(Half::kRead)) return false;
  while (true) {
    // TCP_NODELAY comes from the listening socket.
    SocketAddress address;
    const int outcome = watch().ring() == nullptr ? accept_now(address) : take_accepted(address);
    if (outcome >= 0) {
      result_ = TcpStream(watch().reactor(), UniqueFd(outcome), address.endpoint());
      return true;
    }
    const int error = -outcome;
    if (error == EAGAIN) {
      watch().set_unready(Half::kRead);
      return false;
    }
    if (is_about_the_peer(error)) continue;
    result_ = fail_errno("accept", error);
    return true;
  }
}

/// A descriptor or a negated errno.
int AcceptOp::accept_now(SocketAddress& address) {
  const int fd = ::accept4(watch().fd(), address.data(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/// The same of a connection that io_uring accepted ahead.
int AcceptOp::take_accepted(SocketAddress& address) {
  const int fd = watch().ring()->take_accepted(watch()).value_or(-EAGAIN);
  if (fd < 0 || ::getpeername(fd, address.data(), &address.size) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return error == ENOTCONN ? -ECONNABORTED : -error;
}

Result<TcpListener> TcpListener::bind(Reactor& reactor, const Endpoint& endpoint, const Options& options) {
  const SocketAddress address = SocketAddress::of(endpoint);
  YZ_TRY(UniqueFd fd, make_socket(address.family(), SOCK_STREAM));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (::bind(fd.get(), address.data(), address.size) != 0) return fail_errno("bind " + to_string(endpoint), errno);
  if (::listen(fd.get(), options.backlog) != 0) return fail_errno("listen " + to_string(endpoint), errno);
  return adopt(reactor, std::move(fd));
}

Result<TcpListener> TcpListener::bind_unix(Reactor& reactor, const std::string& path, unsigned mode) {
  YZ_TRY(const SocketAddress address, SocketAddress::of_path(path));
  const bool is_file = path.front() != '@';
  if (is_file) YZ_CHECK(remove_dead_socket(path, address));
  YZ_TRY(UniqueFd fd, make_socket(AF_UNIX, SOCK_STREAM));
  if (is_file) ::fchmod(fd.get(), mode);  // before bind(), so that no moment is wider
  if (::bind(fd.get(), address.data(), address.size) != 0) return fail_errno("bind " + path, errno);
  if (is_file && ::chmod(path.c_str(), mode) != 0) return fail_errno("chmod " + path, errno);
  if (::listen(fd.get(), Options().backlog) != 0) return fail_errno("listen " + path, errno);
  YZ_TRY(TcpListener listener, adopt(reactor, std::move(fd)));
  if (is_file) listener.unix_path_ = path;
  return listener;
}

Result<TcpListener> TcpListener::adopt(Reactor& reactor, UniqueFd fd) {
  TcpListener listener;
  YZ_TRY(listener.local_, local_endpoint(fd.get()));
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // its connections inherit it; not for unix sockets
  listener.watch_ = std::make_unique<Watch>(reactor, std::move(fd));
  listener.watch_->accept_ahead();
  return listener;
}

TcpListener& TcpListener::operator=(TcpListener&& other) noexcept {
  if (this == &other) return *this;
  close();
  watch_ = std::move(other.watch_);
  local_ = other.local_;
  unix_path_ = std::exchange(other.unix_path_, {});
  return *this;
}

void TcpListener::close() noexcept {
  if (watch_ && !unix_path_.empty()) ::unlink(unix_path_.c_str());
  watch_.reset();
}

}  // namespace yz::io
