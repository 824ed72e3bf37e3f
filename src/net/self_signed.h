#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace yz::net {

enum class KeyKind : std::uint8_t { kEcdsa, kRsa };

struct SelfSigned {
  std::string chain_pem;
  std::string key_pem;
};

/// A new key (P-256 or RSA 2048) with a certificate that it signed itself, valid from an hour ago for `life`.
/// `alt_names` are as in openssl.cnf: "DNS:a.example,DNS:*.a.example,IP:127.0.0.1"; the text is its common name, cut to
/// 64 bytes. Fails with kInvalid when they do not parse.
[[nodiscard]] Result<SelfSigned> make_self_signed(const std::string& alt_names, std::chrono::hours life,
                                                  KeyKind kind = KeyKind::kEcdsa);

}  // namespace yz::net
