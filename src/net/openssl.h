#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/openssl.h"
#include "base/result.h"

namespace yz::net {

// What the TLS sources of this room share. Not for headers that other rooms include: OpenSSL's are heavy.

inline void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
using ChainPtr = std::unique_ptr<STACK_OF(X509), Freed<free_chain>>;

/// The oldest error of OpenSSL's queue as text; empties the queue.
[[nodiscard]] std::string take_openssl_error();
/// For reading `text`, which must live as long.
[[nodiscard]] BioPtr memory_bio(std::string_view text);
/// A context with what server and client have in common: versions, modes, no renegotiation, no session cache.
[[nodiscard]] SSL_CTX* make_context(const SSL_METHOD* method);
/// Trusts the authorities in a PEM text. Fails with kInvalid when there are none in it.
[[nodiscard]] Status trust(SSL_CTX* context, std::string_view ca_pem);
/// Protocol names in the form of ALPN (RFC 7301 §3.1): each behind its length.
[[nodiscard]] std::string alpn_list(const std::vector<std::string>& protocols);

}  // namespace yz::net
