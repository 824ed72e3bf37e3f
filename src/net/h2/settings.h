#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/h2/frame.h"

namespace yz::net::h2 {

/// RFC 9113 §6.5.2, RFC 9218 §2.1.
enum class SettingId : std::uint16_t {
  kHeaderTableSize = 0x1,
  kEnablePush = 0x2,
  kMaxConcurrentStreams = 0x3,
  kInitialWindowSize = 0x4,
  kMaxFrameSize = 0x5,
  kMaxHeaderListSize = 0x6,
  kNoRfc7540Priorities = 0x9,
};

/// What the client told us, as far as a server that never pushes and keeps no table of its own needs it.
struct PeerSettings {
  std::int64_t initial_window = kDefaultWindow;
  std::uint32_t max_frame = kDefaultFrameSize;

  /// Takes a SETTINGS payload (whole entries). kNoError, or what the connection ends with.
  [[nodiscard]] ErrorCode apply(std::string_view payload);
};

/// Appends one entry of a SETTINGS payload.
char* write_setting(char* out, SettingId id, std::uint32_t value);

}  // namespace yz::net::h2
