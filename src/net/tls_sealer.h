#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_cipher_ctx_st;

namespace yz::net {

/// Seals the records of one direction of a TLS 1.3 connection (RFC 8446 §5.2) from the plaintext straight into the
/// bytes that are sent. OpenSSL's record layer would copy each record's plaintext before it seals it, and hand it out
/// to be copied once more. One thread at a time.
class RecordSealer {
 public:
  /// Plaintext of one record (§5.1).
  static constexpr std::size_t kMaxText = 16 * 1024;
  /// A record is so much longer than its plaintext: header, type and tag.
  static constexpr std::size_t kOverhead = 5 + 1 + 16;
  static constexpr std::uint8_t kHandshake = 22;        // §5.1 ContentType
  static constexpr std::uint8_t kApplicationData = 23;  // §5.1 ContentType

  /// From the keys as OpenSSL gives them to what seals in its place: one of linux/tls.h's `tls12_crypto_info_*`, by
  /// its first field. Null for another version than 1.3 and ciphers that are not here (AES-GCM and ChaCha20-Poly1305
  /// are).
  [[nodiscard]] static std::unique_ptr<RecordSealer> make(const void* crypto_info);
  ~RecordSealer();
  RecordSealer(const RecordSealer&) = delete;
  RecordSealer& operator=(const RecordSealer&) = delete;

  /// Writes the record to `out`, which has `text.size() + kOverhead` bytes. False when OpenSSL refuses: then the
  /// connection cannot go on.
  [[nodiscard]] bool seal(std::uint8_t type, std::string_view text, char* out);

 private:
  explicit RecordSealer(evp_cipher_ctx_st* cipher) : cipher_(cipher) {}

  evp_cipher_ctx_st* cipher_;
  std::array<std::uint8_t, 12> iv_{};
  std::uint64_t next_ = 0;  // sequence number
};

}  // namespace yz::net
