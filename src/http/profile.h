#pragma once

#include <cstdint>

namespace yz::http {

/// How the caching rules use the room RFC 9111 leaves.
enum class Profile : std::uint8_t {
  /// To the letter: viewers' Cache-Control is honoured, responses that set cookies are stored when marked fresh.
  kRfc,
  /// For sites as they are: viewers cannot force a fetch from the origin, responses that set cookies or blame one
  /// request
  /// are not stored, errors live shortly. The edge room's README has the table.
  kSafe,
};

}  // namespace yz::http
