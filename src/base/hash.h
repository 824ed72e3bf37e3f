#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace yz {

/// 128 bits of hash: cache keys and content ids that live inside one process or cluster.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
};

/// XXH3 (https://xxhash.com): fast, not cryptographic. The same on every machine.
[[nodiscard]] std::uint64_t hash64(std::string_view data, std::uint64_t seed = 0);
[[nodiscard]] Hash128 hash128(std::string_view data, std::uint64_t seed = 0);

/// CRC-32C (Castagnoli, RFC 3720 §B.4) of `data`, continued from `crc`.
[[nodiscard]] std::uint32_t crc32c(std::string_view data, std::uint32_t crc = 0);

/// SHA-256 (FIPS 180-4), 32 raw bytes.
[[nodiscard]] std::string sha256(std::string_view data);
/// HMAC-SHA-256 (RFC 2104), 32 raw bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view data);

/// Compares secrets in time that depends on their lengths only.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace yz

template <>
struct std::hash<yz::Hash128> {
  std::size_t operator()(const yz::Hash128& h) const noexcept { return static_cast<std::size_t>(h.low); }
};
