#include "io/tcp_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "io/reactor.h"
#include "io/socket.h"

namespace yz::io {

namespace {

/// Waits for the end of a connect() that is under way.
class ConnectOp final : public FdOp {
 public:
  ConnectOp(Watch& watch, MonoTime deadline) : FdOp(watch, Half::kWrite, deadline) {}
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override {
    if (is_first_) {  // just started: only an event can tell
      is_first_ = false;
      watch().set_unready(Half::kWrite);
      return false;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(watch().fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) status_ = fail_errno("connect", error);
    return true;
  }
  void fail_with(Error error) override { status_ = fail(std::move(error).with_context("connect")); }

  bool is_first_ = true;
  Status status_;
};

/// Pages on their way from a mapping to a socket, by reference. One a thread: nothing stays in it between calls.
class PagePipe {
 public:
  static PagePipe& of_thread() {
    thread_local PagePipe pipe;
    return pipe;
  }
  struct Sent {
    ssize_t size = 0;  ///< bytes the socket took, or a negated errno
    bool is_full = false;
  };
  /// None when the system gives no pipe or refuses the pages.
  [[nodiscard]] std::optional<Sent> send(int socket, std::string_view bytes) noexcept {
    if (!read_end_ && !open(socket)) return std::nullopt;
    const iovec piece{const_cast<char*>(bytes.data()), std::min(bytes.size(), at_once(socket, bytes.size()))};
    const ssize_t held = ::vmsplice(write_end_.get(), &piece, 1, SPLICE_F_NONBLOCK);
    if (held <= 0) return std::nullopt;
    const bool is_part = static_cast<std::size_t>(held) < bytes.size();
    ssize_t sent = 0;
    do {
      sent = ::splice(read_end_.get(), nullptr, socket, nullptr, static_cast<std::size_t>(held),
                      SPLICE_F_NONBLOCK | (is_part ? SPLICE_F_MORE : 0));
    } while (sent < 0 && errno == EINTR);
    const int error = errno;
    if (sent < held) drop(static_cast<std::size_t>(held - std::max<ssize_t>(sent, 0)));
    return Sent{sent < 0 ? -error : sent, sent < held};
  }

 private:
  /// What a pipe holds at most without privileges, and what one system call hands over.
  static constexpr std::size_t kSize = 1024 * 1024;
  /// Bodies from here on are worth asking how much the socket has room for: a page that it does not take was found and
  /// held for nothing.
  static constexpr std::size_t kLarge = 128 * 1024;
  static constexpr std::size_t kLeast = 64 * 1024;
  /// BBR holds what comes at once back with a timer, which costs more than another call; up to a size where the calls
  /// cost more.
  static constexpr std::size_t kPacedAtOnce = 48 * 1024;
  static constexpr std::size_t kPacedMost = 512 * 1024;

  [[nodiscard]] static bool is_paced(int socket) noexcept {
    char name[16] = {};
    socklen_t size = sizeof name - 1;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &size) == 0 && std::string_view(name) == "bbr";
  }
  [[nodiscard]] static std::size_t room_of(int socket) noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t size = sizeof memory;
    if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return kSize;
    const std::uint32_t room = memory[SK_MEMINFO_SNDBUF];
    const std::uint32_t used = memory[SK_MEMINFO_WMEM_QUEUED];
    if (used < kLeast) return kSize;  // its buffer grows as fast as the peer reads, maybe during the call
    return std::clamp<std::size_t>(room > used ? room - used : 0, kLeast, kSize);
  }
  [[nodiscard]] std::size_t at_once(int socket, std::size_t size) const noexcept {
    if (is_paced_ && size <= kPacedMost) return kPacedAtOnce;
    return size >= kLarge ? room_of(socket) : kSize;
  }
  /// What the socket did not take is not to stand before what is sent next.
  void drop(std::size_t size) noexcept {
    const ssize_t dropped = ::splice(read_end_.get(), nullptr, nowhere_.get(), nullptr, size, SPLICE_F_NONBLOCK);
    if (dropped == static_cast<ssize_t>(size)) return;
    read_end_.reset();
    write_end_.reset();
  }
  [[nodiscard]] bool open(int socket) noexcept {
    is_paced_ = is_paced(socket);
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
    (void)::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kSize));  // refused: more turns
    if (!nowhere_) nowhere_ = UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    return true;
  }
  UniqueFd read_end_;
  UniqueFd write_end_;
  UniqueFd nowhere_;
  bool is_paced_ = false;
};

/// How long a closed stream's last bytes may take to leave.
constexpr auto kFlushTime = std::chrono::seconds(30);

/// Until the ring has sent what it took for a stream that is gone.
class FlushOp final : public FdOp {
 public:
  FlushOp(Watch& watch, MonoTime deadline) : FdOp(watch, Half::kWrite, deadline) {}
  void await_resume() const noexcept {}

 private:
  bool attempt() override {
    watch().set_unready(Half::kWrite);
    return !UringPoller::is_sending(watch());
  }
  void fail_with(Error) override {}
};

Task<void> flush_and_close(std::unique_ptr<Watch> watch) { co_await FlushOp(*watch, watch->reactor().in(kFlushTime)); }

Task<Result<TcpStream>> connect_to(SocketAddress address, Endpoint peer, MonoTime deadline) {
  YZ_CO_TRY(UniqueFd fd, make_socket(address.family(), SOCK_STREAM));
  const int outcome = ::connect(fd.get(), address.data(), address.size);
  const int error = outcome == 0 ? 0 : errno;
  // A unix socket whose backlog is full says EAGAIN and does not queue: the caller may try again.
  if (error != 0 && error != EINPROGRESS) co_return fail_errno("connect", error == EAGAIN ? ECONNREFUSED : error);
  TcpStream stream(Reactor::current(), std::move(fd), peer);
  if (error == EINPROGRESS) YZ_CO_CHECK(co_await ConnectOp(stream.watch(), deadline));
  co_return stream;
}

}  // namespace

TcpStream::TcpStream(Reactor& reactor, UniqueFd fd, const Endpoint& peer)
    : Stream(std::make_unique<Watch>(reactor, std::move(fd))), peer_(peer) {}

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
  if (this == &other) return *this;
  close();
  peer_ = other.peer_;
  Stream::operator=(std::move(other));
  return *this;
}

void TcpStream::close() noexcept {
  if (!watch_) return;
  UringPoller* const ring = watch_->ring();
  if (ring != nullptr && !ring->finish_sending(*watch_) && Reactor::current_or_null() == &watch_->reactor()) {
    watch_->reactor().spawn(flush_and_close(std::move(watch_)));
  }
  watch_.reset();
}

UniqueFd TcpStream::release_fd() && {
  const std::unique_ptr<Watch> watch = std::move(watch_);
  return watch->release_fd();
}

Endpoint TcpStream::local() const { return local_endpoint(watch_->fd()).value_or(Endpoint{}); }

void TcpStream::shutdown_write() noexcept {
  if (!watch_) return;
  // A rest that the socket does not take now is given up: its peer has not read for a whole socket buffer.
  if (UringPoller* const ring = watch_->ring()) ring->finish_sending(*watch_);
  ::shutdown(watch_->fd(), SHUT_WR);
}

void TcpStream::reset_connection() noexcept {
  if (!watch_) return;
  if (UringPoller* const ring = watch_->ring()) ring->finish_sending(*watch_);
  const linger now{1, 0};
  ::setsockopt(watch_->fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  watch_.reset();
}

ssize_t TcpStream::try_read(std::span<char> into) noexcept {
  ssize_t received = 0;
  if (UringPoller* const ring = watch_->ring()) {
    if (const auto taken = ring->take_received(*watch_, into)) {
      received = *taken;
      // A short read means an empty socket, or bytes that come by themselves. Where the kernel receives ahead no more,
      // only the socket knows.
      if (received <= 0 || UringPoller::is_receiving(*watch_)) return received;
      into = into.subspan(static_cast<std::size_t>(received));
      if (into.empty()) return received;
    }
  }
  // recv and sendmsg are the shorter way into a socket; the end of a pipe takes neither.
  while (true) {
    ssize_t n = ::recv(watch_->fd(), into.data(), into.size(), 0);
    if (n < 0 && errno == ENOTSOCK) n = ::read(watch_->fd(), into.data(), into.size());
    if (n >= 0) return received + n;
    if (errno != EINTR) return received > 0 ? received : -errno;  // an error shows again
  }
}

ssize_t TcpStream::try_write_soon(std::span<const iovec> from) noexcept {
  if (UringPoller* const ring = watch_->ring()) {
    if (const auto taken = ring->send_soon(*watch_, from)) return *taken;
  }
  return try_write(from);
}

ssize_t TcpStream::try_write_with_more(std::span<const iovec> from) noexcept {
  if (UringPoller* const ring = watch_->ring()) {
    if (const ssize_t outcome = ring->make_way(*watch_); outcome != 0) return outcome;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = from.size();
  while (true) {
    const ssize_t n = ::sendmsg(watch_->fd(), &message, MSG_MORE | MSG_NOSIGNAL);
    if (n >= 0) return n;
    if (errno == ENOTSOCK) return try_write(from);  // one end of a pipe
    if (errno != EINTR) return -errno;
  }
}

ssize_t TcpStream::try_write(std::span<const iovec> from) noexcept {
  if (UringPoller* const ring = watch_->ring()) {
    if (const ssize_t outcome = ring->make_way(*watch_); outcome != 0) return outcome;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(from.data());
  message.msg_iovlen = from.size();
  while (true) {
    ssize_t n = from.size() == 1 ? ::send(watch_->fd(), from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL)
                                 : ::sendmsg(watch_->fd(), &message, MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = ::writev(watch_->fd(), from.data(), static_cast<int>(from.size()));
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

ssize_t TcpStream::try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept {
  if (UringPoller* const ring = watch_->ring()) {
    if (const ssize_t outcome = ring->make_way(*watch_); outcome != 0) return outcome;
  }
  while (true) {
    auto at = static_cast<off_t>(offset);
    const ssize_t n = ::sendfile(watch_->fd(), file, &at, size);
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

std::optional<ssize_t> TcpStream::try_send_mapped(std::string_view bytes) noexcept {
  if (UringPoller* const ring = watch_->ring()) {
    if (const ssize_t outcome = ring->make_way(*watch_); outcome != 0) return outcome;
  }
  const auto sent = PagePipe::of_thread().send(watch_->fd(), bytes);
  if (!sent) return std::nullopt;
  if (sent->is_full) watch_->set_unready(Half::kWrite);
  return sent->size;
}

Task<Result<TcpStream>> connect(Endpoint endpoint, MonoTime deadline) {
  co_return co_await connect_to(SocketAddress::of(endpoint), endpoint, deadline);
}

Task<Result<TcpStream>> connect_unix(std::string path, MonoTime deadline) {
  YZ_CO_TRY(const SocketAddress address, SocketAddress::of_path(path));
  co_return co_await connect_to(address, Endpoint{}, deadline);
}

}  // namespace yz::io
