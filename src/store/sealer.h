#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::store {

/// Seals what the database must not show to whoever reads its file or its backup: AES-256-GCM (NIST SP 800-38D) with a
/// key that is kept elsewhere, a random nonce for each text, and a context that the text is bound to. Without a key it
/// leaves things open, as older databases have them. Constant; any thread. docs/formats/sealed-text.md.
class Sealer final {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  Sealer() = default;
  /// `key` has kKeyBytes bytes (asserted).
  explicit Sealer(std::string key);

  [[nodiscard]] bool has_key() const { return !key_.empty(); }
  /// "s1." and base64url of nonce, ciphertext and tag; without a key, base64url of the bytes.
  [[nodiscard]] std::string seal(std::string_view context, std::string_view bytes) const;
  /// What was sealed under this context, or what was stored open. Fails with kPermission when it was sealed with
  /// another key, for another context, or has been changed.
  [[nodiscard]] Result<std::string> open(std::string_view context, std::string_view text) const;
  [[nodiscard]] static bool is_sealed(std::string_view text);

 private:
  std::string key_;
};

}  // namespace yz::store
