#include "net/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/ip.h"
#include "base/text.h"
#include "io/watch.h"

namespace yz::net {

namespace {

constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
/// The payload of one record: what a read or write moves at most.
constexpr std::size_t kRecordSize = 16 * 1024;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;

void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
using ChainPtr = std::unique_ptr<STACK_OF(X509), Freed<free_chain>>;

/// The oldest error of OpenSSL's queue as text, and empties the queue.
std::string take_openssl_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "connection closed";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

BioPtr memory_bio(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn.data(), kAlpn.size(), in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX* make_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  YZ_ASSERT(context != nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // resumption is by tickets
  SSL_CTX_set_read_ahead(context, 1);                           // one system call a record instead of two
  return context;
}

std::string server_name_of(const SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string() : to_lower(std::string_view(name));
}

}  // namespace

struct TlsCertificate::Parts {
  X509Ptr leaf;
  KeyPtr key;
  ChainPtr chain;
};

TlsCertificate::TlsCertificate(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TlsCertificate::~TlsCertificate() = default;

Result<std::shared_ptr<const TlsCertificate>> TlsCertificate::load(std::string_view chain_pem,
                                                                   std::string_view key_pem) {
  auto parts = std::make_unique<Parts>();
  ERR_clear_error();
  const BioPtr chain_bio = memory_bio(chain_pem);
  parts->leaf.reset(PEM_read_bio_X509(chain_bio.get(), nullptr, nullptr, nullptr));
  if (!parts->leaf) return fail(Code::kInvalid, "certificate: " + take_openssl_error());
  parts->chain.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(chain_bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(parts->chain.get(), next);
  }
  ERR_clear_error();  // the end of the text counts as an error
  const BioPtr key_bio = memory_bio(key_pem);
  parts->key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (!parts->key) return fail(Code::kInvalid, "private key: " + take_openssl_error());
  if (X509_check_private_key(parts->leaf.get(), parts->key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::kInvalid, "the private key does not belong to the certificate");
  }
  return std::shared_ptr<const TlsCertificate>(new TlsCertificate(std::move(parts)));
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(Choose choose) {
  std::shared_ptr<TlsServerContext> made(new TlsServerContext);
  made->choose_ = std::move(choose);
  made->context_ = make_context(TLS_server_method());
  SSL_CTX_set_alpn_select_cb(made->context_, select_alpn, nullptr);
  SSL_CTX_set_cert_cb(
      made->context_,
      [](SSL* ssl, void* self) {
        const auto certificate = static_cast<TlsServerContext*>(self)->choose_(server_name_of(ssl));
        if (!certificate) return 0;
        const auto& parts = *certificate->parts_;
        return SSL_use_cert_and_key(ssl, parts.leaf.get(), parts.key.get(), parts.chain.get(), 1);
      },
      made.get());
  return made;
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(std::string_view extra_ca_pem) {
  std::shared_ptr<TlsClientContext> made(new TlsClientContext);
  made->context_ = make_context(TLS_client_method());
  SSL_CTX_set_default_verify_paths(made->context_);
  SSL_CTX_set_alpn_protos(made->context_, kAlpn.data(), kAlpn.size());
  const BioPtr bio = memory_bio(extra_ca_pem);
  while (X509* read = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    const X509Ptr certificate(read);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made->context_), certificate.get());
    extra_ca_pem = {};
  }
  ERR_clear_error();
  if (!extra_ca_pem.empty()) return fail(Code::kInvalid, "no certificate in the PEM text of trusted authorities");
  return made;
}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(context_); }

TlsStream::TlsStream(io::TcpStream below, ssl_st* ssl, std::shared_ptr<void> context)
    : ssl_(ssl), context_(std::move(context)), peer_(below.peer()) {
  watch_ = std::move(below).release();
  watch_->share_events();
  SSL_set_fd(ssl_, watch_->fd());
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

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
      return is_cut ? -ECONNRESET : -EPROTO;
    }
  }
}

ssize_t TlsStream::try_read(std::span<char> into) noexcept {
  if (is_broken_) return -ECONNRESET;
  ERR_clear_error();
  errno = 0;
  std::size_t n = 0;
  const int returned = SSL_read_ex(ssl_, into.data(), into.size(), &n);
  return returned == 1 ? static_cast<ssize_t>(n) : outcome(returned);
}

ssize_t TlsStream::try_write(std::span<const iovec> from) noexcept {
  if (is_broken_) return -EPIPE;
  ERR_clear_error();
  errno = 0;
  // Small pieces share a record. A retry gathers the same bytes again, as OpenSSL wants.
  thread_local std::array<char, kRecordSize> record;
  const void* data = from[0].iov_base;
  std::size_t size = std::min(from[0].iov_len, kRecordSize);
  if (from.size() > 1 && size < kRecordSize) {
    size = 0;
    for (const iovec& piece : from) {
      const std::size_t part = std::min(piece.iov_len, record.size() - size);
      std::memcpy(record.data() + size, piece.iov_base, part);
      size += part;
    }
    data = record.data();
  }
  std::size_t n = 0;
  const int returned = SSL_write_ex(ssl_, data, size, &n);
  if (returned == 1) return static_cast<ssize_t>(n);
  const ssize_t failed = outcome(returned);
  return failed == 0 ? -EPIPE : failed;
}

void TlsStream::shutdown_write() noexcept {
  if (is_broken_ || SSL_in_init(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);  // sends close_notify if the socket takes it; the peer's is not waited for
  ERR_clear_error();
}

/// Awaitable: the handshake, whichever way it needs to go.
class HandshakeOp final : public io::FdOp {
 public:
  HandshakeOp(TlsStream& stream, MonoTime deadline)
      : FdOp(stream.watch(), io::Half::kRead, deadline), stream_(stream) {}
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override {
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_do_handshake(stream_.ssl_);
    if (returned == 1) return true;
    const int error = SSL_get_error(stream_.ssl_, returned);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    stream_.is_broken_ = true;
    const long verified = SSL_get_verify_result(stream_.ssl_);
    if (verified != X509_V_OK && SSL_get_verify_mode(stream_.ssl_) != SSL_VERIFY_NONE) {
      ERR_clear_error();
      status_ = fail(Code::kPermission, std::string("certificate refused: ") + X509_verify_cert_error_string(verified));
    } else {
      const bool is_cut = error == SSL_ERROR_SYSCALL;
      status_ = fail(is_cut ? Code::kUnavailable : Code::kInvalid, "TLS handshake: " + take_openssl_error());
    }
    return true;
  }
  void fail_with(Error error) override { status_ = fail(std::move(error).with_context("TLS handshake")); }

  TlsStream& stream_;
  Status status_;
};

io::Task<Result<std::unique_ptr<TlsStream>>> accept_tls(io::TcpStream below, std::shared_ptr<TlsServerContext> context,
                                                        MonoTime deadline) {
  SSL* ssl = SSL_new(context->context_);
  YZ_ASSERT(ssl != nullptr);
  SSL_set_accept_state(ssl);
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), ssl, std::move(context)));
  if (Status done = co_await HandshakeOp(*stream, deadline); !done) {
    co_return fail(std::move(done).error().blamed_on(Fault::kClient));
  }
  stream->server_name_ = server_name_of(ssl);
  co_return stream;
}

io::Task<Result<std::unique_ptr<TlsStream>>> connect_tls(io::TcpStream below, std::shared_ptr<TlsClientContext> context,
                                                         std::string server_name, bool verify, MonoTime deadline) {
  SSL* ssl = SSL_new(context->context_);
  YZ_ASSERT(ssl != nullptr);
  SSL_set_connect_state(ssl);
  const bool is_address = IpAddress::parse(server_name).has_value();
  if (!server_name.empty() && !is_address) SSL_set_tlsext_host_name(ssl, server_name.c_str());
  if (verify) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
    if (is_address) {
      X509_VERIFY_PARAM_set1_ip_asc(rules, server_name.c_str());
    } else if (!server_name.empty()) {
      X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      X509_VERIFY_PARAM_set1_host(rules, server_name.data(), server_name.size());
    }
  }
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(below), ssl, std::move(context)));
  if (Status done = co_await HandshakeOp(*stream, deadline); !done) {
    co_return fail(std::move(done).error().blamed_on(Fault::kOrigin));
  }
  co_return stream;
}

}  // namespace yz::net
