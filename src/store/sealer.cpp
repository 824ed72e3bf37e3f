#include "store/sealer.h"

#include <memory>
#include <utility>

#include <openssl/evp.h>

#include "base/openssl.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::store {
namespace {

constexpr std::string_view kPrefix = "s1.";
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

using ContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int length_of(std::string_view text) { return static_cast<int>(text.size()); }

tl::unexpected<Error> cannot_open() {
  return fail(Code::kPermission, "sealed text cannot be opened: it was sealed with another key, or has been changed");
}

}  // namespace

Sealer::Sealer(std::string key) : key_(std::move(key)) { YZ_ASSERT(key_.size() == kKeyBytes); }

bool Sealer::is_sealed(std::string_view text) { return text.starts_with(kPrefix); }

std::string Sealer::seal(std::string_view context, std::string_view bytes) const {
  if (!has_key()) return to_base64url(bytes);
  const std::string nonce = secret_bytes(kNonceBytes);
  std::string out = nonce;
  out.resize(kNonceBytes + bytes.size() + kTagBytes);
  unsigned char* cipher_text = bytes_of(out) + kNonceBytes;
  const ContextPtr cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  // Memory alone can be missing: the parameters are constants.
  YZ_ASSERT(cipher != nullptr);
  YZ_ASSERT(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(nonce)) == 1);
  YZ_ASSERT(EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes_of(context), length_of(context)) == 1);
  YZ_ASSERT(EVP_EncryptUpdate(cipher.get(), cipher_text, &written, bytes_of(bytes), length_of(bytes)) == 1);
  YZ_ASSERT(EVP_EncryptFinal_ex(cipher.get(), cipher_text + written, &written) == 1);
  YZ_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, cipher_text + bytes.size()) == 1);
  return std::string(kPrefix) + to_base64url(out);
}

Result<std::string> Sealer::open(std::string_view context, std::string_view text) const {
  if (!is_sealed(text)) return from_base64url(text);
  if (!has_key()) return cannot_open();
  YZ_TRY(std::string in, from_base64url(text.substr(kPrefix.size())));
  if (in.size() < kNonceBytes + kTagBytes) return cannot_open();
  const std::size_t size = in.size() - kNonceBytes - kTagBytes;
  std::string out(size, '\0');
  const ContextPtr cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  YZ_ASSERT(cipher != nullptr);
  YZ_ASSERT(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_), bytes_of(in)) == 1);
  YZ_ASSERT(EVP_DecryptUpdate(cipher.get(), nullptr, &written, bytes_of(context), length_of(context)) == 1);
  YZ_ASSERT(EVP_DecryptUpdate(cipher.get(), bytes_of(out), &written, bytes_of(in) + kNonceBytes,
                              static_cast<int>(size)) == 1);
  YZ_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, bytes_of(in) + kNonceBytes + size) == 1);
  if (EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + written, &written) != 1) return cannot_open();
  return out;
}

}  // namespace yz::store
