#include "net/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/ip.h"
#include "net/openssl.h"
#include "net/tls_parts.h"

namespace yz::net {

/// The functions OpenSSL calls, and what they find on a connection.
struct TlsClientCallbacks {
  /// Where a connection keeps the key of its sessions.
  static int key_slot() {
    static const int kSlot = SSL_get_ex_new_index(
        0, nullptr, nullptr, nullptr,
        [](void*, void* key, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(key); });
    return kSlot;
  }
  /// A server's ticket arrived. Takes the session when it returns 1.
  static int on_session(SSL* ssl, SSL_SESSION* session) {
    const auto* key = static_cast<const std::string*>(SSL_get_ex_data(ssl, key_slot()));
    auto* self = static_cast<TlsClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (key == nullptr || SSL_SESSION_is_resumable(session) != 1) return 0;
    self->remember(*key, session);
    return 1;
  }
};

std::string_view refusal_token(long verify_result) {
  switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "tls-expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "tls-not-yet-valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "tls-name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "tls-self-signed";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return "tls-untrusted";
    default:
      return "tls-refused";
  }
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(std::string_view extra_ca_pem) {
  Options options;
  options.ca_pem = extra_ca_pem;
  return make(options);
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(const Options& options) {
  std::shared_ptr<TlsClientContext> made(new TlsClientContext);
  SSL_CTX* context = made->context_ = make_context(TLS_client_method());
  if (options.requires_tls13) SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  if (options.trusts_system) SSL_CTX_set_default_verify_paths(context);
  const std::string alpn = alpn_list(options.protocols);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                          static_cast<unsigned>(alpn.size()));
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, TlsClientCallbacks::on_session);
  if (!options.ca_pem.empty()) YZ_CHECK(trust(context, options.ca_pem));
  if (options.certificate) {
    YZ_CHECK(options.certificate->check());
    const auto* parts = options.certificate->parts();
    if (SSL_CTX_use_cert_and_key(context, parts->leaf.get(), parts->key.get(), parts->chain.get(), 1) != 1) {
      return fail(Code::kInvalid, "the client certificate cannot be used: " + take_openssl_error());
    }
  }
  return made;
}

TlsClientContext::~TlsClientContext() {
  for (const auto& [key, session] : sessions_) SSL_SESSION_free(session);
  SSL_CTX_free(context_);
}

ssl_st* TlsClientContext::make_connection(const TlsServerName& server, std::uint16_t port) {
  SSL* ssl = SSL_new(context_);
  YZ_ASSERT(ssl != nullptr);
  SSL_set_connect_state(ssl);
  if (!server.sni.empty() && !IpAddress::parse(server.sni)) SSL_set_tlsext_host_name(ssl, server.sni.c_str());
  if (server.verify) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
    if (IpAddress::parse(server.expected)) {
      X509_VERIFY_PARAM_set1_ip_asc(rules, server.expected.c_str());
    } else if (!server.expected.empty()) {
      X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      X509_VERIFY_PARAM_set1_host(rules, server.expected.data(), server.expected.size());
    }
  }
  // A resumed connection is not verified again, so its session is good for the same demands alone.
  auto key = std::make_unique<std::string>(
      fmt::format("{} {} {} {}", server.verify ? "verified" : "any", server.sni, server.expected, port));
  {
    const std::lock_guard lock(mutex_);
    const auto known = sessions_.find(*key);
    if (known != sessions_.end()) SSL_set_session(ssl, known->second);
  }
  SSL_set_ex_data(ssl, TlsClientCallbacks::key_slot(), key.release());
  return ssl;
}

void TlsClientContext::remember(const std::string& key, ssl_session_st* session) {
  const std::lock_guard lock(mutex_);
  SSL_SESSION*& place = sessions_[key];
  if (place != nullptr) SSL_SESSION_free(place);
  place = session;
  if (sessions_.size() <= kMostSessions) return;
  const auto other = sessions_.begin()->first == key ? std::prev(sessions_.end()) : sessions_.begin();
  SSL_SESSION_free(other->second);
  sessions_.erase(other);
}

}  // namespace yz::net
