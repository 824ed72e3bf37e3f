#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::control {

// Argon2id (RFC 9106), with OWASP's least parameters: about 25 ms on one core, and eight threads of the pool hashing at
// once hold 152 MiB. RFC 9106's second choice (64 MiB) would let a burst of logins take all of control's memory.
inline constexpr std::uint32_t kPasswordMemoryKib = 19 * 1024;
inline constexpr std::uint32_t kPasswordPasses = 2;
inline constexpr std::uint32_t kPasswordLanes = 1;

/// NIST SP 800-63B §5.1.1: length counts, composition rules do not.
inline constexpr std::size_t kShortestPassword = 10;
inline constexpr std::size_t kLongestPassword = 512;

/// Argon2's encoded form, with a salt of its own. Takes the time above: call it on the blocking pool.
[[nodiscard]] std::string hash_password(std::string_view password);
/// Whether the password is the hash's. False for text that is no hash. The same cost.
[[nodiscard]] bool verify_password(std::string_view hash, std::string_view password);
/// Whether the hash was made with other parameters than today's.
[[nodiscard]] bool is_outdated_hash(std::string_view hash);
/// Costs what `verify_password` costs and is always false: so that an unknown user takes as long as a known one.
bool verify_nobody(std::string_view password);

/// 120 random bits that a person can copy.
[[nodiscard]] std::string make_password();
/// Fails with kInvalid and what is expected.
[[nodiscard]] Status check_password(std::string_view password);

}  // namespace yz::control
