#include <cerrno>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "io/watch.h"
#include "net/openssl.h"
#include "net/tls.h"

namespace yz::net {

/// Awaitable: the handshake, whichever way it needs to go.
class HandshakeOp final : public io::FdOp {
 public:
  HandshakeOp(TlsStream& stream, MonoTime deadline)
      : FdOp(stream.watch(), io::Half::kRead, deadline), stream_(stream) {}
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override {
    if (!is_agreed_) {
      ERR_clear_error();
      errno = 0;
      const int returned = SSL_do_handshake(stream_.ssl_);
      is_agreed_ = returned == 1;
      if (!is_agreed_ && !wants_more(returned)) return give_up(returned), true;
      // A server's tickets leave with its first answer.
      if (is_agreed_ && SSL_is_server(stream_.ssl_) == 1 && SSL_version(stream_.ssl_) >= TLS1_3_VERSION) return true;
    }
    const int waits = stream_.flush();
    if (waits != 0 && waits != -EAGAIN) {
      stream_.is_broken_ = true;
      status_ = fail_errno("TLS handshake", -waits);
      return true;
    }
    return is_agreed_ && waits == 0;
  }
  void fail_with(Error error) override { status_ = fail(std::move(error).with_context("TLS handshake")); }

  [[nodiscard]] bool wants_more(int returned) const {
    const int error = SSL_get_error(stream_.ssl_, returned);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }
  void give_up(int returned) {
    const bool is_cut = SSL_get_error(stream_.ssl_, returned) == SSL_ERROR_SYSCALL;
    stream_.is_broken_ = true;
    const long verified = SSL_get_verify_result(stream_.ssl_);
    if (verified != X509_V_OK && SSL_get_verify_mode(stream_.ssl_) != SSL_VERIFY_NONE) {
      ERR_clear_error();
      status_ = fail(Code::kPermission, std::string(refusal_token(verified)) +
                                            ": certificate refused: " + X509_verify_cert_error_string(verified));
    } else {
      status_ = fail(is_cut ? Code::kUnavailable : Code::kInvalid, "TLS handshake: " + take_openssl_error());
    }
    (void)stream_.flush();  // the alert
  }

  TlsStream& stream_;
  Status status_;
  bool is_agreed_ = false;
};

io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream below, std::shared_ptr<TlsServerContext> context,
                                                        MonoTime deadline) {
  SSL* ssl = SSL_new(context->context_);
  YZ_ASSERT(ssl != nullptr);
  SSL_set_accept_state(ssl);
  const bool tries_kernel = context->uses_kernel_;
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), ssl, std::move(context), tries_kernel));
  if (Status done = co_await HandshakeOp(*stream, deadline); !done) {
    co_return fail(std::move(done).error().blamed_on(Fault::kClient));
  }
  stream->after_handshake();
  co_return stream;
}

io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream below, std::shared_ptr<TlsClientContext> context,
                                                         TlsServerName server, MonoTime deadline) {
  SSL* ssl = context->make_connection(server, below.peer().port);
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), ssl, std::move(context), false));
  if (Status done = co_await HandshakeOp(*stream, deadline); !done) {
    co_return fail(std::move(done).error().blamed_on(Fault::kOrigin));
  }
  co_return stream;
}

}  // namespace yz::net
