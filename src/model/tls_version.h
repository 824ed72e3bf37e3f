#pragma once

#include <cstdint>

namespace yz::model {

/// The oldest TLS that is spoken.
enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

}  // namespace yz::model
