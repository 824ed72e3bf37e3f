#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ip.h"
#include "io/task.h"
#include "io/tcp_stream.h"

namespace yz::net {

/// The order in which to try a server's addresses: families in turn, beginning with that of the first (the system's
/// preference), and within a family from a place that `draw` chooses, so that load spreads (RFC 8305 §4).
[[nodiscard]] std::vector<IpAddress> connection_order(std::span<const IpAddress> addresses, std::uint64_t draw);

/// Connects over TCP to the first of a server's addresses that answers. The next is tried when one is refused, or has
/// not answered for `stagger` (RFC 8305 §5), beside those under way. Fails with the last address's failure, or
/// kTimeout. Belongs to the current reactor; `endpoints` is not empty.
[[nodiscard]] io::Task<Result<io::TcpStream>> connect_any(std::vector<Endpoint> endpoints,
                                                          std::chrono::milliseconds stagger, MonoTime deadline);

}  // namespace yz::net
