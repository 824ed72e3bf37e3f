#include "net/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/watch.h"
#include "net/openssl.h"
#include "net/tls_bio.h"

namespace yz::net {

namespace {

/// The payload of one record.
constexpr std::size_t kRecordSize = 16 * 1024;

/// Where the records of a burst are gathered for one system call. One a thread: nothing stays in it between writes.
std::string& burst_of_thread() {
  thread_local std::string burst;
  return burst;
}

std::size_t total_size(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

/// Hands the bytes of several pieces out as runs of a record each, small pieces copied together.
class RecordSource {
 public:
  RecordSource(std::span<const iovec> pieces, std::size_t limit) : pieces_(pieces), left_(limit) {}

  /// The next run; empty at the end. Runs of more than a record are cut by OpenSSL.
  std::string_view next() {
    while (!pieces_.empty() && offset_ == pieces_.front().iov_len) advance();
    if (pieces_.empty() || left_ == 0) return {};
    const std::size_t here = pieces_.front().iov_len - offset_;
    const bool is_last = pieces_.size() == 1 || here >= left_;
    if (is_last) return take(std::min(here, left_));
    // Whole records only: the rest is gathered with what comes behind it.
    if (here >= kRecordSize) return take(here / kRecordSize * kRecordSize);
    return gather();
  }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view run(static_cast<const char*>(pieces_.front().iov_base) + offset_, size);
    offset_ += size;
    left_ -= size;
    return run;
  }
  std::string_view gather() {
    thread_local std::array<char, kRecordSize> record;
    std::size_t size = 0;
    while (!pieces_.empty() && size < record.size() && left_ > 0) {
      const std::size_t here = pieces_.front().iov_len - offset_;
      const std::string_view part = take(std::min({here, record.size() - size, left_}));
      std::memcpy(record.data() + size, part.data(), part.size());
      size += part.size();
      if (offset_ == pieces_.front().iov_len) advance();
    }
    return {record.data(), size};
  }
  void advance() {
    pieces_ = pieces_.subspan(1);
    offset_ = 0;
  }

  std::span<const iovec> pieces_;
  std::size_t offset_ = 0;  // in the first piece
  std::size_t left_;
};

}  // namespace

TlsStream::TlsStream(io::TcpStream below, ssl_st* ssl, std::shared_ptr<void> context, bool tries_kernel)
    : ssl_(ssl), context_(std::move(context)), peer_(below.peer()), tries_kernel_(tries_kernel) {
  watch_ = std::move(below).release();
  watch_->share_events();
  SSL_set_app_data(ssl_, this);
  if (tries_kernel_) {
    SSL_set_options(ssl_, SSL_OP_ENABLE_KTLS);
    SSL_set_fd(ssl_, watch_->fd());
  } else {
    BIO* bio = make_socket_bio(*this);
    SSL_set_bio(ssl_, bio, bio);
  }
}

TlsStream::~TlsStream() {
  // A connection that just ends is no reason to forget its session.
  if (!is_broken_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsStream::version() const { return SSL_get_version(ssl_); }
bool TlsStream::is_resumed() const { return SSL_session_reused(ssl_) == 1; }

/// What the kernel did not take over is done by our own BIO from now on.
void TlsStream::after_handshake() noexcept {
  identity_.reset();
  if (!tries_kernel_) return;
  kernel_seals_ = BIO_get_ktls_send(SSL_get_wbio(ssl_));
  if (!kernel_seals_) SSL_set0_wbio(ssl_, make_socket_bio(*this));
  if (!BIO_get_ktls_recv(SSL_get_rbio(ssl_))) SSL_set0_rbio(ssl_, make_socket_bio(*this));
}

ssize_t TlsStream::outcome(int returned) noexcept {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      is_broken_ = true;
      ERR_clear_error();
      return errno != 0 ? -errno : -ECONNRESET;
    default: {
      is_broken_ = true;
      const bool is_cut = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      ERR_clear_error();
      (void)flush();  // the alert
      return is_cut ? -ECONNRESET : -EPROTO;
    }
  }
}

bool TlsStream::has_buffered() const noexcept {
  if (!is_starved_ && SSL_has_pending(ssl_) == 1) return true;
  SSL_free_buffers(ssl_);  // whoever waits holds no buffer; what is half received stays
  return false;
}

ssize_t TlsStream::try_read(std::span<char> into) noexcept {
  if (is_broken_) return -ECONNRESET;
  ERR_clear_error();
  errno = 0;
  std::size_t n = 0;
  const int returned = SSL_read_ex(ssl_, into.data(), into.size(), &n);
  is_starved_ = returned != 1;
  return returned == 1 ? static_cast<ssize_t>(n) : outcome(returned);
}

/// A record of OpenSSL, on its way out. False when the connection is lost.
bool TlsStream::take_record(std::string_view record) noexcept {
  if (sink_ == Sink::kBurst) {
    burst_of_thread().append(record);
    return true;
  }
  if (sink_ == Sink::kSocket && unsent_.empty()) {
    const ssize_t n = send_now(record);
    if (n < 0 && n != -EAGAIN) return false;
    record.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    if (record.empty()) return true;
  }
  unsent_.append(record);
  return true;
}

/// One attempt; bytes taken or a negated errno.
ssize_t TlsStream::send_now(std::string_view bytes) noexcept {
  while (true) {
    const ssize_t n = ::send(watch_->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    const bool is_full = n < 0 ? errno == EAGAIN : static_cast<std::size_t>(n) < bytes.size();
    if (is_full) watch_->set_unready(io::Half::kWrite);
    if (n >= 0) return n;
    if (errno != EINTR) return -errno;
  }
}

/// Sends what waits: 0 when nothing does any more, -EAGAIN while the socket is full, or another negated errno.
int TlsStream::flush() noexcept {
  if (unsent_.empty()) return 0;
  const ssize_t n = send_now(unsent_);
  if (n < 0) return static_cast<int>(n);
  if (static_cast<std::size_t>(n) < unsent_.size()) {
    unsent_.erase(0, static_cast<std::size_t>(n));
    return -EAGAIN;
  }
  unsent_ = std::string();  // a slow client's buffer is not kept
  return 0;
}

/// Seals up to kBurst bytes and sends the records: plaintext bytes taken, or a negated errno.
ssize_t TlsStream::seal(std::span<const iovec> from) noexcept {
  const std::size_t size = std::min(total_size(from), kBurst);
  std::string& burst = burst_of_thread();
  // One record needs no gathering: it leaves from OpenSSL's buffer.
  const bool is_single = size <= kRecordSize && unsent_.empty();
  sink_ = is_single ? Sink::kSocket : Sink::kBurst;
  if (!is_single) {
    burst.assign(unsent_);
    unsent_.clear();
  }
  ERR_clear_error();
  errno = 0;
  int returned = 1;
  RecordSource source(from, size);
  for (std::string_view run = source.next(); !run.empty() && returned == 1;) {
    std::size_t n = 0;
    returned = SSL_write_ex(ssl_, run.data(), run.size(), &n);
    run.remove_prefix(n);
    if (run.empty()) run = source.next();
  }
  sink_ = Sink::kWait;
  if (returned != 1) {
    const ssize_t failed = outcome(returned);
    is_broken_ = true;
    return failed >= 0 || failed == -EAGAIN ? -EPIPE : failed;
  }
  if (is_single) {
    if (unsent_.empty()) return static_cast<ssize_t>(size);
    unreported_ = size;
    return -EAGAIN;
  }
  const ssize_t n = send_now(burst);
  if (n < 0 && n != -EAGAIN) return is_broken_ = true, n;
  const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
  if (sent == burst.size()) return static_cast<ssize_t>(size);
  unsent_.assign(burst, sent);
  unreported_ = size;
  return report(sent, burst.size());
}

/// The share of the sealed plaintext that left with `sent` of `of` bytes, so that a slow client's progress is seen.
ssize_t TlsStream::report(std::size_t sent, std::size_t of) noexcept {
  const std::size_t part = unreported_ * sent / of;
  unreported_ -= part;
  return part > 0 ? static_cast<ssize_t>(part) : -EAGAIN;
}

ssize_t TlsStream::try_write(std::span<const iovec> from) noexcept {
  if (is_broken_) return -EPIPE;
  if (kernel_seals_) {
    ssize_t n = 0;
    do {
      n = ::writev(watch_->fd(), from.data(), static_cast<int>(from.size()));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
  }
  if (unreported_ == 0) return seal(from);
  // These bytes were sealed before; only their records still have to leave.
  const std::size_t before = unsent_.size();
  const int waits = flush();
  if (waits == 0) return static_cast<ssize_t>(std::exchange(unreported_, 0));
  if (waits == -EAGAIN) return report(before - unsent_.size(), before);
  is_broken_ = true;
  return waits;
}

ssize_t TlsStream::try_send_file(int file, std::uint64_t offset, std::size_t size) noexcept {
  if (is_broken_) return -EPIPE;
  if (kernel_seals_) {
    auto at = static_cast<off_t>(offset);
    const ssize_t n = ::sendfile(watch_->fd(), file, &at, size);
    return n < 0 ? -errno : n;
  }
  if (unreported_ > 0) return try_write({});
  thread_local std::array<char, kBurst> buffer;
  const ssize_t n = ::pread(file, buffer.data(), std::min(size, buffer.size()), static_cast<off_t>(offset));
  if (n <= 0) return n < 0 ? -errno : 0;
  const iovec piece{buffer.data(), static_cast<std::size_t>(n)};
  return try_write({&piece, 1});
}

void TlsStream::shutdown_write() noexcept {
  if (is_broken_ || SSL_in_init(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);  // the peer's close_notify is not waited for
  ERR_clear_error();
  (void)flush();
}

}  // namespace yz::net
