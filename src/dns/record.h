#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "dns/name.h"
#include "dns/protocol.h"

namespace yz::dns {

/// One resource record of class IN; `data` in wire form, its names uncompressed.
struct Record {
  Name owner;
  Type type{};
  std::uint32_t ttl = 0;  ///< seconds
  std::string data;
};

/// The timers of a zone, in seconds (RFC 1035 §3.3.13). `minimum` bounds how long "there is none" is kept (RFC 2308).
struct SoaTimers {
  std::uint32_t refresh = 3600;
  std::uint32_t retry = 600;
  std::uint32_t expire = 604800;
  std::uint32_t minimum = 60;
};

[[nodiscard]] Record make_address(const Name& owner, std::uint32_t ttl, const IpAddress& address);
[[nodiscard]] Record make_ns(const Name& owner, std::uint32_t ttl, const Name& server);
[[nodiscard]] Record make_cname(const Name& owner, std::uint32_t ttl, const Name& target);
[[nodiscard]] Record make_soa(const Name& owner, std::uint32_t ttl, const Name& primary, const Name& mailbox,
                              std::uint32_t serial, const SoaTimers& timers);
/// Splits a long text into strings of 255 bytes.
[[nodiscard]] Record make_txt(const Name& owner, std::uint32_t ttl, std::string_view text);

}  // namespace yz::dns
