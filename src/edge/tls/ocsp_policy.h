#pragma once

#include <cstdint>

namespace yz::edge {

/// Whose OCSP responders are asked. A certificate names its responder itself, so whoever may upload one could make
/// edges send requests anywhere: into the node's own network only where that is wanted.
enum class OcspPolicy : std::uint8_t { kOff, kPublic, kAny };

}  // namespace yz::edge
