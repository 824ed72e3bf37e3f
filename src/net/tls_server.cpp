#include <algorithm>
#include <cstring>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "net/openssl.h"
#include "net/tls.h"
#include "net/tls_parts.h"

namespace yz::net {

namespace {

/// AES-128 before AES-256: as safe for a session's life, and a third less work.
constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/// Forward secrecy and authenticated encryption only (RFC 9325 §4.2).
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// The hybrid group first where OpenSSL has it (3.5 and later).
constexpr const char* kGroups = "X25519MLKEM768:X25519:P-256:P-384";
constexpr const char* kPlainGroups = "X25519:P-256:P-384";

/// The name in a server_name extension (RFC 6066 §3), as it was sent; empty when there is none or it is malformed
/// (which OpenSSL itself refuses later).
std::string_view server_name_in(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  constexpr std::size_t kHead = 5;  // length of the list, type of the name, length of the name
  if (size < kHead || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t length = std::size_t{data[3]} << 8 | data[4];
  if (length > size - kHead || length > TLSEXT_MAXLEN_host_name) return {};
  return {reinterpret_cast<const char*>(data) + kHead, length};
}

struct TicketCiphers {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  static const TicketCiphers& instance() {
    static const TicketCiphers kInstance;
    return kInstance;
  }
};

}  // namespace

/// What OpenSSL calls in a handshake.
struct TlsServerCallbacks {
  static TlsStream& stream_of(const SSL* ssl) { return *static_cast<TlsStream*>(SSL_get_app_data(ssl)); }
  static TlsServerContext& context_of(const SSL* ssl) {
    return *static_cast<TlsServerContext*>(stream_of(ssl).context_.get());
  }

  /// What a connection asks of whichever context it is under.
  static void set_on(SSL_CTX* context) {
    SSL_CTX_set_ciphersuites(context, kSuites13);
    SSL_CTX_set_cipher_list(context, kSuites12);
    SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
    SSL_CTX_set_tlsext_status_cb(context, on_status_request);
  }

  /// The prepared context of an identity in frequent use; null for others, which on_certificate() serves.
  static SSL_CTX* prepared_for(const TlsIdentity& identity) {
    constexpr std::uint32_t kUsesBefore = 4;
    if (identity.certificates.size() != 1) return nullptr;
    const auto* parts = identity.certificates.front()->parts();
    if (parts == nullptr) return nullptr;
    if (SSL_CTX* prepared = parts->prepared.load(std::memory_order_acquire)) return prepared;
    if (parts->uses.fetch_add(1, std::memory_order_relaxed) != kUsesBefore) return nullptr;  // one thread makes it
    if (prepared_count().fetch_add(1) >= kMostPrepared) return --prepared_count(), nullptr;
    SSL_CTX* made = make_context(TLS_server_method());
    set_on(made);
    if (SSL_CTX_use_cert_and_key(made, parts->leaf.get(), parts->key.get(), parts->chain.get(), 1) != 1) {
      SSL_CTX_free(made);
      return --prepared_count(), nullptr;
    }
    parts->prepared.store(made, std::memory_order_release);
    return made;
  }

  static int on_client_hello(SSL* ssl, int* alert, void* /*self*/) {
    TlsStream& stream = stream_of(ssl);
    std::string name = to_lower(server_name_in(ssl));
    if (stream
            .identity_) {  // a second hello, after another group was asked for: the same but for that (RFC 8446 §4.1.2)
      *alert = SSL_AD_ILLEGAL_PARAMETER;
      return name == stream.server_name_ ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    }
    stream.server_name_ = std::move(name);
    stream.identity_ = context_of(ssl).choose_(stream.server_name_);
    if (!stream.identity_) {
      *alert = SSL_AD_UNRECOGNIZED_NAME;
      return SSL_CLIENT_HELLO_ERROR;
    }
    if (stream.identity_->min_version == TlsVersion::kTls13) SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
    // A ticket is good for the name it was given under, and no other.
    const Hash128 scope = hash128(stream.server_name_);
    SSL_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(&scope), sizeof scope);
    if (context_of(ssl).asks_clients_) return SSL_CLIENT_HELLO_SUCCESS;  // a prepared context trusts nobody
    if (SSL_CTX* prepared = prepared_for(*stream.identity_)) SSL_set_SSL_CTX(ssl, prepared);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  static int on_certificate(SSL* ssl, void* /*self*/) {
    const TlsStream& stream = stream_of(ssl);
    int first_kind = EVP_PKEY_NONE;
    for (const auto& certificate : stream.identity_->certificates) {
      const auto* parts = certificate->parts();
      if (parts == nullptr) continue;
      const int kind = EVP_PKEY_get_base_id(parts->key.get());
      if (kind == first_kind) continue;
      if (SSL_use_cert_and_key(ssl, parts->leaf.get(), parts->key.get(), parts->chain.get(), 1) != 1) continue;
      if (first_kind != EVP_PKEY_NONE) break;
      first_kind = kind;
    }
    return first_kind == EVP_PKEY_NONE ? 0 : 1;
  }

  static int on_status_request(SSL* ssl, void* /*self*/) {
    const X509* shown = SSL_get_certificate(ssl);
    const auto now = SystemClock::instance().wall();
    for (const auto& certificate : stream_of(ssl).identity_->certificates) {
      const auto* parts = certificate->parts();
      if (parts == nullptr || parts->leaf.get() != shown) continue;
      const auto staple = certificate->staple(now);
      if (!staple) return SSL_TLSEXT_ERR_NOACK;
      void* copy = OPENSSL_memdup(staple->data(), staple->size());
      SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple->size()));
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  static int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned in_size, void* /*self*/) {
    const std::string& offered = context_of(ssl).alpn_;
    unsigned char* chosen = nullptr;
    const auto* ours = reinterpret_cast<const unsigned char*>(offered.data());
    if (SSL_select_next_proto(&chosen, out_size, ours, static_cast<unsigned>(offered.size()), in, in_size) !=
        OPENSSL_NPN_NEGOTIATED) {
      return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol (RFC 7301 §3.2)
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }

  /// Seals (`sealing` 1) or opens a ticket: 1 done, 2 opened and to be renewed, 0 not ours, -1 failed.
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                       int sealing) {
    TlsTicketKeys& keys = *context_of(ssl).tickets_;
    const TlsTicketKeys::Key current = keys.current();
    TlsTicketKeys::Key key = current;
    if (sealing == 1) {
      std::memcpy(name, key.name.data(), key.name.size());
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(TicketCiphers::instance().cipher)) != 1) return -1;
    } else {
      const auto found = keys.find(*reinterpret_cast<unsigned char(*)[16]>(name));
      if (!found) return 0;
      key = *found;
    }
    std::string digest = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
                                 OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                 OSSL_PARAM_construct_end()};
    const bool is_set =
        EVP_MAC_CTX_set_params(mac, params) == 1 &&
        EVP_CipherInit_ex2(cipher, TicketCiphers::instance().cipher, key.cipher.data(), iv, sealing, nullptr) == 1;
    OPENSSL_cleanse(key.cipher.data(), key.cipher.size());
    if (!is_set) return -1;
    return sealing == 1 || key.period == current.period ? 1 : 2;
  }
};

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(Choose choose, TlsServerOptions options) {
  std::shared_ptr<TlsServerContext> made(new TlsServerContext);
  made->choose_ = std::move(choose);
  made->alpn_ = alpn_list(options.protocols);
  made->tickets_ = options.tickets ? std::move(options.tickets) : std::make_shared<TlsTicketKeys>(secret_bytes(32));
  made->uses_kernel_ = options.kernel_tls && kernel_has_tls();
  SSL_CTX* context = made->context_ = make_context(TLS_server_method());
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (SSL_CTX_set1_groups_list(context, kGroups) != 1) SSL_CTX_set1_groups_list(context, kPlainGroups);
  ERR_clear_error();
  SSL_CTX_set_max_early_data(context, 0);  // what is replayed must not reach a handler (RFC 8446 §8)
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, std::chrono::duration_cast<std::chrono::seconds>(TlsTicketKeys::kLifetime).count());
  TlsServerCallbacks::set_on(context);
  SSL_CTX_set_cert_cb(context, TlsServerCallbacks::on_certificate, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TlsServerCallbacks::on_ticket);
  if (!options.client_ca_pem.empty()) {
    YZ_CHECK(trust(context, options.client_ca_pem));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    made->asks_clients_ = true;
  }
  return made;
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

}  // namespace yz::net
