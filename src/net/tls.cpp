#include "net/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/watch.h"
#include "net/openssl.h"
#include "net/tls_bio.h"
#include "net/tls_burst.h"
#include "net/tls_sealer.h"

namespace yz::net {

namespace {

/// One a thread: nothing stays in it between writes.
Burst& burst_of_thread() {
  thread_local Burst burst;
  return burst;
}

}  // namespace

TlsStream::TlsStream(io::TcpStream below, ssl_st* ssl, std::shared_ptr<void> context, bool tries_kernel)
    : ssl_(ssl), context_(std::move(context)), peer_(below.peer()), tries_kernel_(tries_kernel) {
  watch_ = std::move(below).release();
  watch_->share_events();
  SSL_set_app_data(ssl_, this);
  SSL_set_options(ssl_, SSL_OP_ENABLE_KTLS);  // asks its BIO to seal: the kernel's, or ours
  if (tries_kernel_) {
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
std::vector<std::string> TlsStream::peer_certificates() const {
  std::vector<std::string> out;
  const auto add = [&out](X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_X509(bio.get(), certificate) == 1) out.push_back(drain(bio.get()));
  };
  if (SSL_is_server(ssl_) == 1) {
    if (X509* leaf = SSL_get0_peer_certificate(ssl_)) add(leaf);
  } else if (STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl_)) {
    for (int i = 0; i < sk_X509_num(chain); ++i) add(sk_X509_value(chain, i));
  }
  return out;
}
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

/// OpenSSL asks who seals from here on.
bool TlsStream::take_sealing_over(const void* crypto_info) noexcept {
  sealer_ = RecordSealer::make(crypto_info);
  next_type_ = 0;
  return sealer_ != nullptr;
}

/// What OpenSSL writes: records, or what it wants to have sealed. After a KeyUpdate (RFC 8446 §4.6.3) of ours only
/// OpenSSL has the keys; it seals again then.
bool TlsStream::take_output(std::string_view output) noexcept {
  if (!sealer_) return take_record(output);
  constexpr char kKeyUpdate = 24;
  const std::uint8_t type = next_type_ != 0 ? std::exchange(next_type_, 0) : RecordSealer::kApplicationData;
  const bool is_last = type == RecordSealer::kHandshake && !output.empty() && output.front() == kKeyUpdate;
  while (!output.empty()) {
    const std::string_view text = output.substr(0, RecordSealer::kMaxText);
    output.remove_prefix(text.size());
    std::string record(text.size() + RecordSealer::kOverhead, '\0');
    if (!sealer_->seal(type, text, record.data()) || !take_record(record)) return false;
  }
  if (is_last) sealer_.reset();
  return true;
}

/// False when the connection cannot go on.
bool TlsStream::seal_ourselves(std::span<const iovec> from, std::size_t size) noexcept {
  RecordSource source(from, size);
  for (std::string_view run = source.next(); !run.empty(); run = source.next()) {
    while (!run.empty()) {
      const std::string_view text = run.substr(0, RecordSealer::kMaxText);
      run.remove_prefix(text.size());
      char* record = burst_of_thread().add(text.size() + RecordSealer::kOverhead);
      if (!sealer_->seal(RecordSealer::kApplicationData, text, record)) return false;
    }
  }
  return true;
}

/// What SSL_write_ex returned last.
int TlsStream::seal_by_openssl(std::span<const iovec> from, std::size_t size) noexcept {
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
  return returned;
}

/// Seals up to kBurst bytes and sends the records: plaintext bytes taken, or a negated errno.
ssize_t TlsStream::seal(std::span<const iovec> from) noexcept {
  const std::size_t size = std::min(total_size(from), kBurst);
  // A client that asked for new keys gets them first (RFC 8446 §4.6.3), which is OpenSSL's to do.
  const bool is_ours = sealer_ && SSL_get_key_update_type(ssl_) == SSL_KEY_UPDATE_NONE;
  // One record of OpenSSL's needs no gathering: it leaves from its buffer.
  const bool is_single = !is_ours && size <= RecordSealer::kMaxText && unsent_.empty();
  Burst& burst = burst_of_thread();
  burst.clear();
  if (!is_single) {
    burst.append(unsent_);
    unsent_.clear();
  }
  if (is_ours) {
    if (!seal_ourselves(from, size)) return is_broken_ = true, -EPIPE;
  } else {
    sink_ = is_single ? Sink::kSocket : Sink::kBurst;
    const int returned = seal_by_openssl(from, size);
    sink_ = Sink::kWait;
    if (returned != 1) {
      const ssize_t failed = outcome(returned);
      is_broken_ = true;
      return failed >= 0 || failed == -EAGAIN ? -EPIPE : failed;
    }
  }
  if (is_single) {
    if (unsent_.empty()) return static_cast<ssize_t>(size);
    unreported_ = size;
    return -EAGAIN;
  }
  return send_burst(burst.bytes(), size);
}

/// Sends the records of `size` bytes of plaintext; what the socket does not take waits.
ssize_t TlsStream::send_burst(std::string_view records, std::size_t size) noexcept {
  const ssize_t n = send_now(records);
  if (n < 0 && n != -EAGAIN) return is_broken_ = true, n;
  const std::size_t sent = n < 0 ? 0 : static_cast<std::size_t>(n);
  if (sent == records.size()) return static_cast<ssize_t>(size);
  unsent_.assign(records.substr(sent));
  unreported_ = size;
  return report(sent, records.size());
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
