#include "net/address_quota.h"

namespace yz::net {
namespace {

/// What one client has: an address, or a /64.
IpAddress client_of(const IpAddress& address) {
  const IpAddress plain = address.unmapped();
  return plain.is_v4() ? plain : plain.masked(64);
}

bool is_own(const IpAddress& address) {
  const IpAddress plain = address.unmapped();
  return plain.is_v4() ? plain.v4_value() == 0x7F000001 : plain.is_loopback();
}

}  // namespace

bool AddressQuota::enter(const IpAddress& address) {
  if (limit_ == 0 || is_own(address)) return true;
  std::uint32_t& count = counts_[client_of(address)];
  if (count >= limit_) return false;
  ++count;
  return true;
}

void AddressQuota::leave(const IpAddress& address) {
  if (limit_ == 0 || is_own(address)) return;
  const auto found = counts_.find(client_of(address));
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

}  // namespace yz::net
