#include "net/tls_bio.h"

#include <cerrno>

#include <sys/socket.h>

#include "io/watch.h"
#include "net/tls.h"
#include "net/tls_sealer.h"

namespace yz::net {

namespace {

// How OpenSSL hands the sealing of records over to a BIO that can do it (as its socket BIO can, with the kernel). The
// first two numbers are named in comments of openssl/bio.h only.
constexpr int kSetSealing = 72;
constexpr int kSetRecordType = 74;

}  // namespace

/// The functions of the BIO.
struct SocketBio {
  static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    io::Watch& watch = stream_of(bio).watch();
    ssize_t n = -1;
    if (watch.may_be_ready(io::Half::kRead)) {
      do {
        n = ::recv(watch.fd(), into, static_cast<std::size_t>(size), 0);
      } while (n < 0 && errno == EINTR);
      if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return static_cast<int>(n);
      if (n < size) watch.set_unready(io::Half::kRead);
    }
    if (n < 0) BIO_set_retry_read(bio);
    return static_cast<int>(n);
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    return stream_of(bio).take_output({from, static_cast<std::size_t>(size)}) ? size : -1;
  }

  static long control(BIO* bio, int command, long number, void* pointer) {
    switch (command) {
      case kSetSealing:
        return number != 0 && stream_of(bio).take_sealing_over(pointer) ? 1 : 0;
      case BIO_CTRL_GET_KTLS_SEND:
        return stream_of(bio).sealer_ ? 1 : 0;
      case kSetRecordType:
        stream_of(bio).next_type_ = static_cast<std::uint8_t>(number);
        return 0;
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
};

namespace {

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "watched socket");
  BIO_meth_set_read(method, SocketBio::read);
  BIO_meth_set_write(method, SocketBio::write);
  BIO_meth_set_ctrl(method, SocketBio::control);
  BIO_meth_set_create(method, SocketBio::create);
  return method;
}

}  // namespace

BIO* make_socket_bio(TlsStream& stream) {
  static BIO_METHOD* const kMethod = make_method();  // as long as the process
  BIO* bio = BIO_new(kMethod);
  BIO_set_data(bio, &stream);
  return bio;
}

}  // namespace yz::net
