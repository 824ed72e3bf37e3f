#pragma once

#include <cstdint>
#include <unordered_map>

#include "base/ip.h"

namespace yz::net {

/// How many connections each client address has, against those who open thousands: an IPv4 address, or an IPv6 /64,
/// which is what one client is given. The loopback addresses 127.0.0.1 and ::1 are this machine's own and not counted.
/// One reactor's; about 50 bytes per address that is connected.
class AddressQuota {
 public:
  /// 0: no limit, and nothing is counted.
  explicit AddressQuota(std::uint32_t limit) : limit_(limit) {}

  /// Counts one more connection; false when the address has as many as it may, and then nothing is counted.
  [[nodiscard]] bool enter(const IpAddress& address);
  void leave(const IpAddress& address);
  [[nodiscard]] std::size_t addresses() const { return counts_.size(); }

 private:
  const std::uint32_t limit_;
  std::unordered_map<IpAddress, std::uint32_t> counts_;
};

}  // namespace yz::net
