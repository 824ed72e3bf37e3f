#include "dns/query.h"

#include <algorithm>

namespace yz::dns {
namespace {

/// Big-endian reads that never leave the packet; after a failed one `ok()` is false for good.
class WireReader {
 public:
  explicit WireReader(std::string_view packet) : packet_(packet) {}

  [[nodiscard]] std::uint8_t u8() {
    if (!has(1)) return 0;
    return static_cast<std::uint8_t>(packet_[at_++]);
  }
  [[nodiscard]] std::uint16_t u16() {
    const auto high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  [[nodiscard]] std::uint32_t u32() {
    const auto high = u16();
    return std::uint32_t{high} << 16 | u16();
  }
  [[nodiscard]] std::string_view take(std::size_t size) {
    if (!has(size)) return {};
    at_ += size;
    return packet_.substr(at_ - size, size);
  }
  /// Passes a name that may end in a pointer to before it. True when the name is the root, written as such.
  [[nodiscard]] bool skip_name() {
    const std::size_t start = at_;
    for (;;) {
      const std::uint8_t length = u8();
      if (!ok_ || length == 0) return ok_ && at_ == start + 1;
      if ((length & 0xc0) == 0xc0) {
        const std::size_t target = (std::size_t{length} & 0x3f) << 8 | u8();
        if (target >= start || target < kHeaderSize) ok_ = false;
        return false;
      }
      if (length > Name::kMaxLabel || at_ - start + length > Name::kMaxSize) ok_ = false;
      (void)take(length);
    }
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == packet_.size(); }
  [[nodiscard]] std::string_view rest() const { return packet_.substr(at_); }
  [[nodiscard]] std::string_view since(std::size_t start) const { return packet_.substr(start, at_ - start); }

 private:
  bool has(std::size_t size) {
    if (!ok_ || packet_.size() - at_ < size) ok_ = false;
    return ok_;
  }
  std::string_view packet_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// The options of an OPT record. False when one leaves the record or is malformed.
bool read_options(std::string_view data, Edns& edns) {
  WireReader reader(data);
  while (!reader.at_end()) {
    const auto code = static_cast<Option>(reader.u16());
    const auto length = reader.u16();
    const auto value = reader.take(length);
    if (!reader.ok()) return false;
    switch (code) {
      case Option::kClientSubnet:
        if (edns.client_subnet) return false;
        edns.client_subnet = parse_client_subnet(value);
        if (!edns.client_subnet) return false;
        break;
      case Option::kNsid:
        edns.wants_nsid = true;
        break;
      default:
        break;  // cookies (RFC 7873) and unknown options are ignored (RFC 6891 §6.1.2)
    }
  }
  return true;
}

}  // namespace

/// Takes a query apart section by section.
class QueryParser {
 public:
  explicit QueryParser(std::string_view packet) : reader_(packet) {}

  std::optional<Query> run(std::string_view packet) {
    if (packet.size() < kHeaderSize) return std::nullopt;
    query_.id = reader_.u16();
    query_.flags = reader_.u16();
    if ((query_.flags & kFlagQr) != 0) return std::nullopt;
    const auto questions = reader_.u16();
    const auto answers = reader_.u16();
    const auto authorities = reader_.u16();
    const auto additionals = reader_.u16();
    if (query_.opcode_bits() != 0) return ended(Rcode::kNotImp);
    if (questions != 1 || !read_question()) return ended(Rcode::kFormErr);
    const unsigned before_additional = unsigned{answers} + authorities;
    for (unsigned i = 0; i < before_additional + additionals; ++i) {
      if (!read_record(i >= before_additional)) return ended(Rcode::kFormErr);
    }
    if (!reader_.at_end()) return ended(Rcode::kFormErr);
    if (query_.edns && query_.edns->version != 0) return ended(Rcode::kBadVers);
    return query_;
  }

 private:
  std::optional<Query> ended(Rcode error) {
    query_.error = error;
    return query_;
  }

  bool read_question() {
    const std::size_t start = reader_.position();
    const auto name = Name::from_wire(reader_.rest());
    if (!name) return false;
    (void)reader_.take(name->size());
    query_.type = static_cast<Type>(reader_.u16());
    query_.dns_class = reader_.u16();
    if (!reader_.ok()) return false;
    query_.name = name->lowered();
    query_.question = reader_.since(start);
    return true;
  }

  bool read_record(bool is_additional) {
    const bool is_root = reader_.skip_name();
    const auto type = static_cast<Type>(reader_.u16());
    const auto dns_class = reader_.u16();
    const auto ttl = reader_.u32();
    const auto data = reader_.take(reader_.u16());
    if (!reader_.ok()) return false;
    if (type != Type::kOpt) return true;
    if (!is_additional || !is_root || query_.edns) return false;
    auto& edns = query_.edns.emplace();
    edns.udp_payload = std::max(dns_class, kClassicPayload);
    edns.version = static_cast<std::uint8_t>(ttl >> 16);
    edns.wants_dnssec = (ttl & kEdnsDo) != 0;
    // The options of a later version may mean other things; the version is answered instead.
    if (edns.version != 0) return true;
    if (read_options(data, edns)) return true;
    edns.client_subnet.reset();
    return false;
  }

  WireReader reader_;
  Query query_;
};

std::optional<Query> parse_query(std::string_view packet) { return QueryParser(packet).run(packet); }

}  // namespace yz::dns
