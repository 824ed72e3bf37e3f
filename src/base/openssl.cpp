#include "base/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace yz {

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

tl::unexpected<Error> openssl_failure(std::string_view what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return fail(Code::kInternal, std::string(what) + ": " + (reason != nullptr ? reason : "OpenSSL gave no reason"));
}

BioPtr bio_over(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<KeyPtr> read_key(std::string_view pem) {
  const BioPtr in = bio_over(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) return fail(Code::kInvalid, "not an unencrypted private key in PEM");
  return key;
}

Result<std::string> write_key(EVP_PKEY* key) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_failure("writing a private key");
  }
  return drain(out.get());
}

}  // namespace yz
