#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace yz::dns {

/// Resource record types (IANA registry), those we speak of.
enum class Type : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kHinfo = 13,
  kTxt = 16,
  kAaaa = 28,
  kOpt = 41,
  kTkey = 249,
  kTsig = 250,
  kIxfr = 251,
  kAxfr = 252,
  kMailb = 253,
  kMaila = 254,
  kAny = 255,
};

/// Response codes (RFC 1035 §4.1.1); above 15 they need EDNS (RFC 6891 §6.1.3).
enum class Rcode : std::uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kBadVers = 16,
};

/// EDNS options (RFC 6891 §6.1.2).
enum class Option : std::uint16_t { kNsid = 3, kClientSubnet = 8, kCookie = 10 };

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::uint16_t kClassIn = 1;

// Header flags, as the 16 bits after the id.
inline constexpr std::uint16_t kFlagQr = 0x8000;
inline constexpr std::uint16_t kFlagAa = 0x0400;
inline constexpr std::uint16_t kFlagTc = 0x0200;
inline constexpr std::uint16_t kFlagRd = 0x0100;
inline constexpr std::uint16_t kFlagCd = 0x0010;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr std::uint16_t kEdnsDo = 0x8000;

/// What we advertise and send over UDP at most (DNS flag day 2020).
inline constexpr std::uint16_t kUdpPayload = 1232;
/// What every client takes (RFC 1035 §4.2.1).
inline constexpr std::uint16_t kClassicPayload = 512;

/// "NOERROR", "NXDOMAIN", …
[[nodiscard]] std::string_view to_string(Rcode rcode);

}  // namespace yz::dns
