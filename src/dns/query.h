#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dns/client_subnet.h"
#include "dns/name.h"
#include "dns/protocol.h"

namespace yz::dns {

/// What a query's OPT record said (RFC 6891).
struct Edns {
  std::uint16_t udp_payload = kClassicPayload;  ///< never below 512
  std::uint8_t version = 0;
  bool wants_dnssec = false;  ///< the DO bit
  bool wants_nsid = false;    ///< RFC 5001
  std::optional<ClientSubnet> client_subnet;
};

/// A query as far as it could be read. When `error` is set it must be answered with that code and nothing else.
struct Query {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  ///< as received
  std::optional<Rcode> error;
  std::string_view question;  ///< the question's bytes in the packet, to be echoed; empty when unreadable
  Name name;                  ///< as asked, in lower case
  Type type{};
  std::uint16_t dns_class = 0;
  std::optional<Edns> edns;

  [[nodiscard]] std::uint16_t opcode_bits() const { return flags & kOpcodeMask; }
};

/// Reads one message strictly. None when it must not be answered at all: shorter than a header, or itself a response.
/// `error` becomes kNotImp for another opcode, kBadVers for a later EDNS version, and kFormErr for everything that
/// breaks the format: a question count other than one, compression in the question, pointers that do not point back,
/// records that leave the packet, two OPT, an OPT outside the additional section or with an owner name, a broken option
/// or client subnet, bytes after the last record. The result's `question` points into `packet`.
[[nodiscard]] std::optional<Query> parse_query(std::string_view packet);

}  // namespace yz::dns
