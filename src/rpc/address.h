#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace yz::rpc {

/// Where control listens or is found: a name or an address, and a port.
struct HostPort {
  std::string host;  ///< of an IPv6 address without its brackets
  std::uint16_t port = 0;

  /// "control.example:8443", "[::1]:8443". Fails with kInvalid.
  [[nodiscard]] static Result<HostPort> parse(const std::string& text);
};

}  // namespace yz::rpc
