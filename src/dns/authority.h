#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "dns/query.h"
#include "dns/response_writer.h"
#include "dns/zone.h"

namespace yz::dns {

/// The addresses of a service for one client.
struct ServiceAnswer {
  std::array<IpAddress, 8> addresses;
  std::size_t count = 0;        ///< 0: the service has none of this family (NODATA)
  bool is_unavailable = false;  ///< it cannot be answered now (SERVFAIL, which resolvers do not keep)
  std::uint32_t ttl = 0;
  std::uint8_t scope = 0;  ///< for the client subnet option, if the query has one
};

/// Where addresses that depend on the client come from.
class ServiceSource {
 public:
  virtual ~ServiceSource() = default;
  /// `type` is A or AAAA. `query` may carry a client subnet. Must not block.
  [[nodiscard]] virtual ServiceAnswer answer(std::uint32_t service, Type type, const Query& query) = 0;
};

/// What was answered, for counters and logs.
struct Answered {
  std::size_t size = 0;  ///< of the response; 0 when there must be none
  Rcode rcode = Rcode::kNoError;
  bool is_service = false;
};

/// Answers queries for a few zones as RFC 1034 §4.3.2 says for an authoritative server without recursion: what is
/// outside is refused, without referrals. Immutable; any thread may ask. Nothing is allocated per query.
class Authority {
 public:
  struct Options {
    std::string nsid;  ///< what NSID is answered with (RFC 5001); at most 64 bytes, empty: the option is left out
  };

  Authority(std::vector<Zone> zones, Options options);

  /// Answers one message. `limit` is what the transport takes: kUdpPayload over UDP, where the client's own limit
  /// applies too, or 65,535 over TCP; `out` has at least that many bytes.
  [[nodiscard]] Answered answer(std::string_view packet, bool is_udp, ServiceSource& source, std::span<char> out) const;

  [[nodiscard]] const std::vector<Zone>& zones() const { return zones_; }

 private:
  [[nodiscard]] const Zone* zone_of(const Name& lowered) const;
  void resolve(const Zone& zone, const Query& query, ServiceSource& source, ResponseWriter& writer,
               Answered& answered) const;
  void add_name_server_addresses(const Zone& zone, const RrSet& servers, ResponseWriter& writer) const;

  std::vector<Zone> zones_;
  Options options_;
};

}  // namespace yz::dns
