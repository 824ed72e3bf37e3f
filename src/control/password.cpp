#include "control/password.h"

#include <argon2.h>
#include <fmt/format.h>

#include "base/random.h"
#include "base/text.h"

namespace yz::control {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

}  // namespace

std::string hash_password(std::string_view password) {
  const std::string salt = secret_bytes(kSaltBytes);
  std::string encoded(
      argon2_encodedlen(kPasswordPasses, kPasswordMemoryKib, kPasswordLanes, kSaltBytes, kHashBytes, Argon2_id), '\0');
  const int done =
      argon2id_hash_encoded(kPasswordPasses, kPasswordMemoryKib, kPasswordLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kHashBytes, encoded.data(), encoded.size());
  YZ_ASSERT(done == ARGON2_OK);  // the parameters are constants; only memory can be missing
  encoded.resize(encoded.find('\0'));
  return encoded;
}

bool verify_password(std::string_view hash, std::string_view password) {
  const std::string encoded(hash);
  return argon2id_verify(encoded.c_str(), password.data(), password.size()) == ARGON2_OK;
}

bool is_outdated_hash(std::string_view hash) {
  return !hash.starts_with(
      fmt::format("$argon2id$v=19$m={},t={},p={}$", kPasswordMemoryKib, kPasswordPasses, kPasswordLanes));
}

bool verify_nobody(std::string_view password) {
  static const std::string hash = hash_password(to_base64url(secret_bytes(kHashBytes)));
  (void)verify_password(hash, password);
  return false;
}

std::string make_password() {
  constexpr std::size_t kBytes = 15;
  return to_base64url(secret_bytes(kBytes));
}

Status check_password(std::string_view password) {
  if (password.size() < kShortestPassword || password.size() > kLongestPassword || !is_utf8(password)) {
    return fail(Code::kInvalid, fmt::format("expected {} to {} bytes of text", kShortestPassword, kLongestPassword),
                Fault::kClient);
  }
  return {};
}

}  // namespace yz::control
