#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace yz::control {

// Time-based one-time passwords (RFC 6238) as every authenticator knows them: SHA-1, six digits, 30 seconds. SHA-1's
// collisions do not touch HMAC, and authenticators ignore wishes for anything else.

inline constexpr std::size_t kTotpSecretBytes = 20;  // RFC 4226 §4, R6: at least 128 bits, 160 recommended
inline constexpr std::size_t kRecoveryCodes = 10;

/// The number of the 30 seconds that `now` lies in.
[[nodiscard]] std::uint64_t totp_step(WallTime now);
/// The six digits of a step.
[[nodiscard]] std::string totp_code(std::string_view secret, std::uint64_t step);
/// The step whose code this is: the present one, or a neighbour for clocks that differ, but later than `last_step`, for
/// a code is good once (RFC 6238 §5.2). None when the code is wrong.
[[nodiscard]] std::optional<std::uint64_t> match_totp(std::string_view secret, std::string_view code, WallTime now,
                                                      std::uint64_t last_step);

/// RFC 4648 §6 without padding.
[[nodiscard]] std::string to_base32(std::string_view bytes);
/// What the QR code for an authenticator says.
[[nodiscard]] std::string totp_uri(std::string_view secret, std::string_view email);

/// New codes for the day the authenticator is lost: "abcd-efgh-ijkl-mnop", 80 random bits each.
[[nodiscard]] std::vector<std::string> make_recovery_codes();
/// What is stored of a code: SHA-256 of its letters, whatever the case and the dashes. 80 bits need no slow hash.
[[nodiscard]] std::string recovery_code_hash(std::string_view code);

}  // namespace yz::control
