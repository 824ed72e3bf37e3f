#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ip.h"

namespace yz::net {

enum class DnsTransport : std::uint8_t { kUdp, kTcp };

/// Answers DNS messages. Each server thread has a handler of its own, so it may keep scratch state without locks.
class DnsHandler {
 public:
  virtual ~DnsHandler() = default;
  /// Writes the response to `query` (a whole message, any bytes) into `reply` and returns its size; 0 sends nothing.
  /// `reply` has 4,096 bytes over UDP and 65,535 over TCP. Must not block.
  [[nodiscard]] virtual std::size_t answer(std::string_view query, const Endpoint& client, DnsTransport transport,
                                           std::span<char> reply) = 0;
};

}  // namespace yz::net
