#include "net/tls_sealer.h"

#include <cstring>
#include <optional>

#include <linux/tls.h>
#include <openssl/evp.h>

#include "base/result.h"

namespace yz::net {
namespace {

constexpr std::size_t kTag = 16;
constexpr std::size_t kHeader = 5;

/// What is in the structures of linux/tls.h: the IV is split in two there, as TLS 1.2 needs it.
struct Keys {
  const EVP_CIPHER* cipher;
  const unsigned char* key;
  std::array<std::uint8_t, 12> iv;
  std::uint64_t next;
};

template <typename Info>
Keys keys_of(const EVP_CIPHER* cipher, const Info& info) {
  Keys out{cipher, info.key, {}, 0};
  static_assert(sizeof info.salt + sizeof info.iv == sizeof out.iv);
  std::memcpy(out.iv.data(), info.salt, sizeof info.salt);
  std::memcpy(out.iv.data() + sizeof info.salt, info.iv, sizeof info.iv);
  for (const unsigned char byte : info.rec_seq) out.next = out.next << 8 | byte;
  return out;
}

std::optional<Keys> read_keys(const void* crypto_info) {
  const auto* info = static_cast<const tls_crypto_info*>(crypto_info);
  if (info->version != TLS_1_3_VERSION) return std::nullopt;
  switch (info->cipher_type) {
    case TLS_CIPHER_AES_GCM_128:
      return keys_of(EVP_aes_128_gcm(), *static_cast<const tls12_crypto_info_aes_gcm_128*>(crypto_info));
    case TLS_CIPHER_AES_GCM_256:
      return keys_of(EVP_aes_256_gcm(), *static_cast<const tls12_crypto_info_aes_gcm_256*>(crypto_info));
    case TLS_CIPHER_CHACHA20_POLY1305:
      return keys_of(EVP_chacha20_poly1305(), *static_cast<const tls12_crypto_info_chacha20_poly1305*>(crypto_info));
    default:
      return std::nullopt;
  }
}

}  // namespace

std::unique_ptr<RecordSealer> RecordSealer::make(const void* crypto_info) {
  const auto keys = read_keys(crypto_info);
  if (!keys) return nullptr;
  std::unique_ptr<RecordSealer> out(new RecordSealer(EVP_CIPHER_CTX_new()));
  if (out->cipher_ == nullptr || EVP_EncryptInit_ex(out->cipher_, keys->cipher, nullptr, keys->key, nullptr) != 1) {
    return nullptr;
  }
  out->iv_ = keys->iv;
  out->next_ = keys->next;
  return out;
}

RecordSealer::~RecordSealer() { EVP_CIPHER_CTX_free(cipher_); }

bool RecordSealer::seal(std::uint8_t type, std::string_view text, char* out) {
  YZ_ASSERT(text.size() <= kMaxText);
  std::array<std::uint8_t, 12> nonce = iv_;  // §5.3
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::uint8_t>(next_ >> (56 - 8 * i));
  ++next_;

  auto* to = reinterpret_cast<unsigned char*>(out);
  const std::size_t sealed = text.size() + 1 + kTag;
  const unsigned char header[kHeader] = {kApplicationData, 3, 3, static_cast<unsigned char>(sealed >> 8),
                                         static_cast<unsigned char>(sealed)};
  std::memcpy(to, header, kHeader);
  to += kHeader;
  const auto* from = reinterpret_cast<const unsigned char*>(text.data());
  int n = 0;
  int last = 0;
  const bool is_sealed = EVP_EncryptInit_ex(cipher_, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
                         EVP_EncryptUpdate(cipher_, nullptr, &n, header, kHeader) == 1 &&
                         EVP_EncryptUpdate(cipher_, to, &n, from, static_cast<int>(text.size())) == 1 &&
                         EVP_EncryptUpdate(cipher_, to + text.size(), &last, &type, 1) == 1 &&
                         EVP_EncryptFinal_ex(cipher_, to + text.size() + 1, &n) == 1;
  return is_sealed && EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_GET_TAG, kTag, to + text.size() + 1) == 1;
}

}  // namespace yz::net
