#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/freed.h"
#include "base/result.h"

namespace yz {

// What sources that speak to OpenSSL share. Not for headers that other rooms include: OpenSSL's are heavy.

using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

/// The oldest error of OpenSSL's queue behind `what`, as our fault; empties the queue.
[[nodiscard]] tl::unexpected<Error> openssl_failure(std::string_view what);
/// For reading `text`, which must live as long.
[[nodiscard]] BioPtr bio_over(std::string_view text);
/// What was written to a memory BIO.
[[nodiscard]] std::string drain(BIO* bio);
/// What OpenSSL asks for the passphrase of protected PEM: there is none. Without it, it asks on the terminal.
int no_passphrase(char* buffer, int size, int writing, void* context);
/// An unencrypted private key in PEM. Fails with kInvalid.
[[nodiscard]] Result<KeyPtr> read_key(std::string_view pem);
/// PKCS#8 in PEM.
[[nodiscard]] Result<std::string> write_key(EVP_PKEY* key);

}  // namespace yz
