#include "dns/authority.h"

#include <algorithm>

namespace yz::dns {
namespace {

constexpr int kMaxChain = 8;
constexpr std::uint32_t kHinfoTtl = 3600;
/// HINFO of RFC 8482 §4.2: CPU "RFC8482", OS "".
constexpr std::string_view kAnyData("\x07RFC8482\x00", 9);

using Section = ResponseWriter::Section;

/// Codes that are decided before any zone is looked at.
std::optional<Rcode> refusal(const Query& query) {
  if (query.error) return query.error;
  switch (query.type) {
    case Type::kOpt:
    case Type::kTsig:
      return Rcode::kFormErr;
    case Type::kTkey:
    case Type::kMailb:
    case Type::kMaila:
      return Rcode::kNotImp;
    case Type::kAxfr:
    case Type::kIxfr:
      return Rcode::kRefused;
    default:
      break;
  }
  // CHAOS and ANY are classes we hold nothing of.
  if (query.dns_class != kClassIn) return Rcode::kRefused;
  return std::nullopt;
}

void add_set(ResponseWriter& writer, Section section, const Name& owner, const RrSet& set) {
  for (const auto& data : set.data) writer.add(section, owner, set.type, set.ttl, data);
}

void add_negative(ResponseWriter& writer, const Zone& zone) {
  writer.add(Section::kAuthority, zone.origin(), Type::kSoa, zone.negative_ttl(), zone.soa().data.front());
}

std::size_t size_limit(const Query& query, bool is_udp, std::size_t room) {
  if (!is_udp) return room;
  const std::size_t client = query.edns ? query.edns->udp_payload : kClassicPayload;
  return std::min({client, std::size_t{kUdpPayload}, room});
}

/// NOTIMP tells nothing but the opcode and the id (what EDNS compliance tests expect).
std::size_t write_bare_header(std::span<char> out, const Query& query, Rcode rcode) {
  std::fill_n(out.begin(), kHeaderSize, '\0');
  const auto flags = static_cast<std::uint16_t>(kFlagQr | query.opcode_bits() | static_cast<std::uint16_t>(rcode));
  out[0] = static_cast<char>(query.id >> 8);
  out[1] = static_cast<char>(query.id);
  out[2] = static_cast<char>(flags >> 8);
  out[3] = static_cast<char>(flags);
  return kHeaderSize;
}

}  // namespace

std::string_view to_string(Rcode rcode) {
  switch (rcode) {
    case Rcode::kNoError:
      return "NOERROR";
    case Rcode::kFormErr:
      return "FORMERR";
    case Rcode::kServFail:
      return "SERVFAIL";
    case Rcode::kNxDomain:
      return "NXDOMAIN";
    case Rcode::kNotImp:
      return "NOTIMP";
    case Rcode::kRefused:
      return "REFUSED";
    case Rcode::kBadVers:
      return "BADVERS";
  }
  return "RESERVED";
}

Authority::Authority(std::vector<Zone> zones, Options options)
    : zones_(std::move(zones)), options_(std::move(options)) {
  YZ_ASSERT(options_.nsid.size() <= 64);
}

const Zone* Authority::zone_of(const Name& lowered) const {
  const Zone* best = nullptr;
  for (const auto& zone : zones_) {
    if (lowered.is_within(zone.origin()) && (best == nullptr || zone.origin().size() > best->origin().size())) {
      best = &zone;
    }
  }
  return best;
}

Answered Authority::answer(std::string_view packet, bool is_udp, ServiceSource& source, std::span<char> out) const {
  Answered answered;
  const auto query = parse_query(packet);
  if (!query) return answered;
  if (query->opcode_bits() != 0) {
    answered.rcode = Rcode::kNotImp;
    answered.size = write_bare_header(out, *query, Rcode::kNotImp);
    return answered;
  }
  ResponseWriter writer(out, size_limit(*query, is_udp, out.size()), *query, options_.nsid);
  if (const auto code = refusal(*query)) {
    answered.rcode = *code;
  } else if (const Zone* zone = zone_of(query->name)) {
    writer.set_authoritative();
    resolve(*zone, *query, source, writer, answered);
  } else {
    answered.rcode = Rcode::kRefused;
  }
  writer.set_rcode(answered.rcode);
  answered.size = writer.finish();
  return answered;
}

void Authority::resolve(const Zone& zone, const Query& query, ServiceSource& source, ResponseWriter& writer,
                        Answered& answered) const {
  Name name = query.name;
  for (int hops = 0;; ++hops) {
    const ZoneNode* const node = zone.find(name);
    if (node == nullptr) {
      answered.rcode = Rcode::kNxDomain;
      return add_negative(writer, zone);
    }
    if (query.type == Type::kAny) return writer.add(Section::kAnswer, name, Type::kHinfo, kHinfoTtl, kAnyData);
    if (const RrSet* const set = node->find(query.type)) {
      add_set(writer, Section::kAnswer, name, *set);
      if (query.type == Type::kNs) add_name_server_addresses(zone, *set, writer);
      return;
    }
    if (node->service != 0 && (query.type == Type::kA || query.type == Type::kAaaa)) {
      const ServiceAnswer found = source.answer(node->service, query.type, query);
      answered.is_service = true;
      if (found.is_unavailable) {
        answered.rcode = Rcode::kServFail;
        return;
      }
      if (found.count == 0) return add_negative(writer, zone);
      writer.set_scope(found.scope);
      for (std::size_t i = 0; i < found.count; ++i) {
        const auto* bytes = reinterpret_cast<const char*>(found.addresses[i].bytes().data());
        const std::size_t size = found.addresses[i].is_v4() ? 4 : 16;
        if (hops == 0) {
          writer.add_answer_address(found.ttl, found.addresses[i]);
        } else {
          writer.add(Section::kAnswer, name, query.type, found.ttl, {bytes, size});
        }
      }
      return;
    }
    const RrSet* const cname = node->find(Type::kCname);
    if (cname == nullptr) return add_negative(writer, zone);
    add_set(writer, Section::kAnswer, name, *cname);
    const auto target = Name::from_wire(cname->data.front());
    if (!target || !target->is_within(zone.origin()) || hops + 1 >= kMaxChain) return;
    name = target->lowered();
    // With a client subnet only the first CNAME: what follows may have another scope (RFC 7871 §7.2.1).
    if (query.edns && query.edns->client_subnet) return;
  }
}

void Authority::add_name_server_addresses(const Zone& zone, const RrSet& servers, ResponseWriter& writer) const {
  writer.begin_optional();
  for (const auto& data : servers.data) {
    const auto server = Name::from_wire(data);
    if (!server || !server->is_within(zone.origin())) continue;
    const ZoneNode* const node = zone.find(server->lowered());
    if (node == nullptr) continue;
    for (const auto type : {Type::kA, Type::kAaaa}) {
      if (const RrSet* const set = node->find(type)) add_set(writer, Section::kAdditional, *server, *set);
    }
  }
}

}  // namespace yz::dns
