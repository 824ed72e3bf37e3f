#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace yz::bench {

/// What a path adds to every byte on its way, each direction for itself.
struct PathDelay {
  std::chrono::microseconds up{0};    ///< client to server
  std::chrono::microseconds down{0};  ///< server to client

  [[nodiscard]] std::chrono::microseconds round_trip() const { return up + down; }
};

/// Long wires on one machine: forwards TCP connections to a server on the loopback and holds every byte back for as
/// long as its path takes. Setting up costs a round trip more, as TCP's own handshake does; a server that is not there
/// is felt one round trip later as a connection that ends. Bytes keep their order and nothing is lost.
///
/// Path `i` is entered by connecting to path_address(i): any address of 127.0.0.0/8 reaches the one listener, which
/// tells the paths apart by it and turns away whatever came to another address. One thread of its own.
class DelayLine {
 public:
  virtual ~DelayLine() = default;  ///< closes all connections

  /// `delay_of` is called on the line's thread for each connection. Fails with kUnavailable.
  [[nodiscard]] static Result<std::unique_ptr<DelayLine>> start(std::uint16_t server_port,
                                                                std::function<PathDelay(std::uint32_t)> delay_of);
  [[nodiscard]] virtual std::uint16_t port() const = 0;
};

/// "127.64.3.7": where path `index` (below 2^22) begins.
[[nodiscard]] std::string path_address(std::uint32_t index);

}  // namespace yz::bench
