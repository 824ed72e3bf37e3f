#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "io/task.h"

namespace yz::cli {

/// What a viewer's resolver learns from one answer.
struct DnsAnswer {
  int rcode = 0;
  std::vector<IpAddress> addresses;  ///< A and AAAA records, in order
  std::uint32_t ttl = 0;             ///< the smallest of them
  std::optional<IpPrefix> scope;     ///< client subnet of the answer: the block it is valid for (RFC 7871 §7.2)
};

/// The bytes of a query for A with RD off, EDNS, and (when given) the client's subnet of /24 or /56 (RFC 7871 §6).
[[nodiscard]] std::string dns_query(std::uint16_t id, std::string_view name, const std::optional<IpAddress>& client);
/// Reads the answer to such a query. Fails with kInvalid when it is none.
[[nodiscard]] Result<DnsAnswer> parse_dns_answer(std::uint16_t id, std::string_view bytes);

/// Asks over UDP, as a resolver would, twice at most. Fails with kTimeout or kUnavailable.
[[nodiscard]] io::Task<Result<DnsAnswer>> resolve_through(Endpoint server, std::string name,
                                                          std::optional<IpAddress> client);

}  // namespace yz::cli
