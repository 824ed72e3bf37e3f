#include "control/totp.h"

#include <array>
#include <chrono>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"

namespace yz::control {
namespace {

constexpr std::chrono::seconds kStep{30};
constexpr std::uint32_t kModulus = 1'000'000;
constexpr std::size_t kSha1Bytes = 20;
constexpr std::size_t kRecoveryBytes = 10;

}  // namespace

std::uint64_t totp_step(WallTime now) { return static_cast<std::uint64_t>(now.time_since_epoch() / kStep); }

std::string totp_code(std::string_view secret, std::uint64_t step) {
  std::array<unsigned char, 8> counter{};
  for (std::size_t i = 0; i < counter.size(); ++i) counter[i] = static_cast<unsigned char>(step >> (56 - 8 * i));
  std::array<unsigned char, kSha1Bytes> mac{};
  unsigned int size = 0;
  YZ_ASSERT(HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter.data(), counter.size(), mac.data(),
                 &size) != nullptr);
  // RFC 4226 §5.3: four bytes from where the last nibble says, without the sign.
  const std::size_t at = mac.back() & 0xfU;
  const std::uint32_t number = (mac[at] & 0x7fU) << 24 | static_cast<std::uint32_t>(mac[at + 1]) << 16 |
                               static_cast<std::uint32_t>(mac[at + 2]) << 8 | mac[at + 3];
  return fmt::format("{:06}", number % kModulus);
}

std::optional<std::uint64_t> match_totp(std::string_view secret, std::string_view code, WallTime now,
                                        std::uint64_t last_step) {
  const std::uint64_t present = totp_step(now);
  std::optional<std::uint64_t> found;
  for (const std::uint64_t step : {present - 1, present, present + 1}) {
    if (equal_in_constant_time(totp_code(secret, step), code) && step > last_step) found = step;
  }
  return found;
}

std::string to_base32(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = buffer << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(kAlphabet[buffer >> (bits - 5) & 31]);
  }
  if (bits > 0) out.push_back(kAlphabet[buffer << (5 - bits) & 31]);
  return out;
}

std::string totp_uri(std::string_view secret, std::string_view email) {
  return fmt::format("otpauth://totp/Yizhan:{}?secret={}&issuer=Yizhan", percent_encode(email), to_base32(secret));
}

std::vector<std::string> make_recovery_codes() {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kRecoveryCodes; ++i) {
    const std::string letters = to_lower(to_base32(secret_bytes(kRecoveryBytes)));
    out.push_back(fmt::format("{}-{}-{}-{}", letters.substr(0, 4), letters.substr(4, 4), letters.substr(8, 4),
                              letters.substr(12, 4)));
  }
  return out;
}

std::string recovery_code_hash(std::string_view code) {
  std::string letters;
  for (const char c : to_lower(trim(code))) {
    if (c != '-' && c != ' ') letters.push_back(c);
  }
  return to_hex(sha256(letters));
}

}  // namespace yz::control
