#pragma once

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/ip.h"
#include "net/self_signed.h"

namespace yz::net::testing {

using TestCertificate = SelfSigned;

/// A fresh self-signed certificate for `alt_names` ("DNS:a.example,IP:127.0.0.1"); trusted by whoever adds it.
inline TestCertificate make_certificate(const std::string& alt_names, KeyKind kind = KeyKind::kEcdsa) {
  return make_self_signed(alt_names, std::chrono::hours(1), kind).value();
}

/// What a viewer's TLS library offers, and what it is to remember.
struct ProbeOptions {
  std::string server_name;
  std::string alpn;                    ///< in wire form, such as "\x02h2"
  int max_version = 0;                 ///< TLS1_2_VERSION, …; 0: all
  std::string signatures;              ///< such as "RSA-PSS+SHA256"; empty: all
  std::string suites;                  ///< of TLS 1.3, such as "TLS_AES_256_GCM_SHA384"; empty: all
  bool asks_status = false;            ///< for an OCSP response
  bool asks_new_keys = false;          ///< by KeyUpdate before the request
  SSL_SESSION* session = nullptr;      ///< to resume; stays the caller's
  std::chrono::milliseconds pause{0};  ///< between asking and reading
  std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
};

struct Probed {
  bool is_connected = false;
  std::string error;  ///< why not: OpenSSL's reason
  std::string names;  ///< the certificate's common name
  int key_kind = 0;   ///< EVP_PKEY_EC or EVP_PKEY_RSA
  std::string version;
  std::string cipher;
  std::string protocol;  ///< by ALPN
  bool is_resumed = false;
  std::string staple;                    ///< OCSP response, DER
  std::string answer;                    ///< all that came
  bool is_closed_cleanly = false;        ///< by close_notify
  std::shared_ptr<SSL_SESSION> session;  ///< from a ticket, if one came
};

/// Repeats an operation on a blocking socket that was interrupted: a thread that had an io_uring once may be, when the
/// kernel tidies up after it, and a socket with a time limit does not go on by itself.
template <typename Operation>
int uninterrupted(SSL* ssl, Operation operation) {
  while (true) {
    errno = 0;
    const int returned = operation();
    const bool is_interrupted = returned <= 0 && errno == EINTR && SSL_get_error(ssl, returned) == SSL_ERROR_WANT_READ;
    if (!is_interrupted) return returned;
  }
}

/// One connection of a viewer's TLS library that trusts anybody; blocks, so call it off the server's thread.
inline Probed probe(const Endpoint& server, const ProbeOptions& options = {}) {
  Probed out;
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* session) {
    static_cast<Probed*>(SSL_get_app_data(ssl))->session.reset(session, SSL_SESSION_free);
    return 1;
  });
  if (options.max_version != 0) SSL_CTX_set_max_proto_version(context.get(), options.max_version);
  if (!options.suites.empty()) SSL_CTX_set_ciphersuites(context.get(), options.suites.c_str());
  if (!options.signatures.empty()) SSL_CTX_set1_sigalgs_list(context.get(), options.signatures.c_str());
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);

  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.port);
  to.sin_addr.s_addr = htonl(server.address.v4_value());
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    out.error = "cannot connect";
    return out;
  }
  ERR_clear_error();
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_app_data(ssl.get(), &out);
  SSL_set_fd(ssl.get(), fd.get());
  if (!options.server_name.empty()) SSL_set_tlsext_host_name(ssl.get(), options.server_name.c_str());
  if (!options.alpn.empty()) {
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
  }
  if (options.asks_status) SSL_set_tlsext_status_type(ssl.get(), TLSEXT_STATUSTYPE_ocsp);
  if (options.session != nullptr) {
    const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> copy(SSL_SESSION_dup(options.session), SSL_SESSION_free);
    SSL_set_session(ssl.get(), copy.get());  // a copy, as a session is marked when it was used
  }
  if (uninterrupted(ssl.get(), [&] { return SSL_connect(ssl.get()); }) != 1) {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    out.error = reason == nullptr ? "closed" : reason;
    ERR_clear_error();
    return out;
  }
  out.is_connected = true;
  out.version = SSL_get_version(ssl.get());
  out.cipher = SSL_get_cipher_name(ssl.get());
  out.is_resumed = SSL_session_reused(ssl.get()) == 1;
  const unsigned char* bytes = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl.get(), &bytes, &size);
  out.protocol.assign(reinterpret_cast<const char*>(bytes), size);
  const long staple_size = SSL_get_tlsext_status_ocsp_resp(ssl.get(), &bytes);
  if (staple_size > 0) out.staple.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(staple_size));
  if (const X509* shown = SSL_get0_peer_certificate(ssl.get())) {
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    out.names = name;
    out.key_kind = EVP_PKEY_get_base_id(X509_get0_pubkey(shown));
  }
  if (options.asks_new_keys) SSL_key_update(ssl.get(), SSL_KEY_UPDATE_REQUESTED);
  if (!options.request.empty()) {
    SSL_write(ssl.get(), options.request.data(), static_cast<int>(options.request.size()));
    std::this_thread::sleep_for(options.pause);
    char buffer[16384];
    const auto read = [&] { return SSL_read(ssl.get(), buffer, sizeof buffer); };
    for (int n = 0; (n = uninterrupted(ssl.get(), read)) > 0;) {
      out.answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  out.is_closed_cleanly = (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or the session would not be resumed
  ERR_clear_error();
  return out;
}

}  // namespace yz::net::testing
