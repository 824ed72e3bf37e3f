#include <cstdlib>

#include "dns/authority.h"

namespace {

using namespace yz::dns;

class TwoAddresses final : public ServiceSource {
 public:
  ServiceAnswer answer(std::uint32_t, Type type, const Query&) override {
    ServiceAnswer out;
    if (type == Type::kAaaa) return out;
    out.addresses[0] = yz::IpAddress::v4(0x7f000101);
    out.addresses[1] = yz::IpAddress::v4(0x7f000102);
    out.count = 2;
    out.scope = 24;
    return out;
  }
};

Authority make_authority() {
  const Name zone = *Name::parse("cdn.test");
  const Name ns = *Name::parse("ns1.cdn.test");
  const Record records[] = {
      make_soa(zone, 3600, ns, *Name::parse("hostmaster.cdn.test"), 1, {}),
      make_ns(zone, 3600, ns),
      make_address(ns, 3600, yz::IpAddress::v4(0x7f000001)),
      make_txt(*Name::parse("long.cdn.test"), 60, std::string(1400, 'x')),
      make_cname(*Name::parse("alias.cdn.test"), 60, *Name::parse("www.cdn.test")),
  };
  const Zone::Service services[] = {{*Name::parse("www.cdn.test"), 1}};
  std::vector<Zone> zones;
  zones.push_back(*Zone::build(zone, records, services));
  return Authority(std::move(zones), {"fuzz"});
}

void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace

/// Any bytes as a query over UDP and TCP; every response must be one our own rules accept.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Authority kAuthority = make_authority();
  TwoAddresses source;
  static char out[65535];
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  for (const bool is_udp : {true, false}) {
    const auto answered = kAuthority.answer(packet, is_udp, source, {out, is_udp ? std::size_t{4096} : sizeof out});
    if (answered.size == 0) continue;
    require(answered.size >= kHeaderSize && (!is_udp || answered.size <= kUdpPayload));
    require(out[0] == packet[0] && out[1] == packet[1] && (out[2] & 0x80) != 0);
    // Read back as if it were a query: the same strict parser must find nothing wrong but the QR bit.
    std::string copy(out, answered.size);
    copy[2] = static_cast<char>(copy[2] & 0x01);
    const auto parsed = parse_query(copy);
    require(parsed.has_value());
    // A header alone (unreadable question, another opcode) has no question, and an echoed scope is no query's.
    const bool has_question = copy[5] == 1;
    const bool has_scope = parsed->error == Rcode::kFormErr;
    require(!has_question || !parsed->error || has_scope);
  }
  return 0;
}
