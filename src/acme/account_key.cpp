#include "acme/account_key.h"

#include <array>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "base/hash.h"
#include "base/openssl.h"
#include "base/text.h"

namespace yz::acme {
namespace {

constexpr std::size_t kCoordinate = 32;  // bytes of P-256
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

std::string flattened(std::string_view header, std::string_view payload, std::string_view signature) {
  return nlohmann::json{{"protected", header}, {"payload", payload}, {"signature", to_base64url(signature)}}.dump();
}

}  // namespace

struct AccountKey::Held {
  KeyPtr key;
};

Result<AccountKey> AccountKey::generate() {
  KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("making an account key");
  return make(std::make_shared<const Held>(Held{std::move(key)}));
}

Result<AccountKey> AccountKey::from_pem(std::string_view pem) {
  YZ_TRY(KeyPtr key, read_key(pem));
  return make(std::make_shared<const Held>(Held{std::move(key)}));
}

Result<AccountKey> AccountKey::make(std::shared_ptr<const Held> held) {
  std::array<unsigned char, 1 + 2 * kCoordinate> point{};  // 0x04, x, y (SEC 1 §2.3.3)
  std::size_t size = 0;
  std::array<char, 32> group{};
  EVP_PKEY* key = held->key.get();
  const bool is_p256 =
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) == 1 &&
      std::string_view(group.data()) == "prime256v1" &&
      EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) == 1 &&
      size == point.size() && point[0] == 4;
  if (!is_p256) return fail(Code::kInvalid, "an account key is a P-256 key");
  const std::string_view bytes(reinterpret_cast<const char*>(point.data()), point.size());
  AccountKey made(std::move(held));
  made.jwk_ = R"({"crv":"P-256","kty":"EC","x":")" + to_base64url(bytes.substr(1, kCoordinate)) + R"(","y":")" +
              to_base64url(bytes.substr(1 + kCoordinate)) + R"("})";
  made.thumbprint_ = to_base64url(sha256(made.jwk_));
  return made;
}

Result<std::string> AccountKey::to_pem() const { return write_key(held_->key.get()); }

Result<std::string> AccountKey::sign(std::string_view data) const {
  const DigestPtr context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der{};
  std::size_t size = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, held_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, reinterpret_cast<const unsigned char*>(data.data()),
                     data.size()) != 1) {
    return openssl_failure("signing");
  }
  const unsigned char* at = der.data();
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::array<unsigned char, 2 * kCoordinate> raw{};
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), kCoordinate) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + kCoordinate, kCoordinate) < 0) {
    return openssl_failure("signing");
  }
  return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

Result<std::string> sign_jws(const AccountKey& key, std::string_view header, std::string_view payload) {
  const std::string head = to_base64url(header);
  const std::string body = to_base64url(payload);
  YZ_TRY(const std::string signature, key.sign(head + '.' + body));
  return flattened(head, body, signature);
}

std::string mac_jws(std::string_view mac_key, std::string_view header, std::string_view payload) {
  const std::string head = to_base64url(header);
  const std::string body = to_base64url(payload);
  return flattened(head, body, hmac_sha256(mac_key, head + '.' + body));
}

std::string key_authorization(std::string_view token, const AccountKey& key) {
  return std::string(token) + '.' + key.thumbprint();
}

std::string dns_value(std::string_view authorization) { return to_base64url(sha256(authorization)); }

}  // namespace yz::acme
