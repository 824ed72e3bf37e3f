#include "dns/response_writer.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace yz::dns {

static constexpr std::size_t kOptHeader = 11;  // root, type, class, TTL, length
static constexpr std::uint16_t kPointerToQuestion = 0xc000 | kHeaderSize;

ResponseWriter::ResponseWriter(std::span<char> out, std::size_t limit, const Query& query, std::string_view nsid)
    : out_(out.data()),
      limit_(std::min(limit, out.size())),
      query_(query),
      nsid_(nsid),
      flags_(static_cast<std::uint16_t>(kFlagQr | (query.flags & (kOpcodeMask | kFlagRd | kFlagCd)))) {
  YZ_ASSERT(limit_ >= kClassicPayload);
  limit_ -= opt_size();
  at_ = kHeaderSize;
  put_bytes(query.question);
  for (std::size_t i = 0; i + 4 < query.question.size() && query.question[i] != 0 && label_count_ < labels_.size();
       i += static_cast<std::size_t>(query.question[i]) + 1) {
    labels_[label_count_++] = static_cast<std::uint16_t>(kHeaderSize + i);
  }
}

void ResponseWriter::add(Section section, const Name& owner, Type type, std::uint32_t ttl, std::string_view data) {
  if (overflowed_) return;  // nor may what is optional make the answer look whole again
  const std::size_t start = at_;
  const std::size_t labels_before = label_count_;
  put_name(owner.wire());
  put_u16(static_cast<std::uint16_t>(type));
  put_u16(kClassIn);
  put_u32(ttl);
  const std::size_t length_at = at_;
  put_u16(0);
  put_data(type, data);
  if (overflowed_) {
    at_ = start;
    label_count_ = labels_before;
    if (is_optional_) overflowed_ = false;
    return;
  }
  set_u16(length_at, static_cast<std::uint16_t>(at_ - length_at - 2));
  ++counts_[static_cast<std::size_t>(section)];
}

void ResponseWriter::add_answer_address(std::uint32_t ttl, const IpAddress& address) {
  put_u16(kPointerToQuestion);
  put_u16(static_cast<std::uint16_t>(address.is_v4() ? Type::kA : Type::kAaaa));
  put_u16(kClassIn);
  put_u32(ttl);
  const std::size_t size = address.is_v4() ? 4 : 16;
  put_u16(static_cast<std::uint16_t>(size));
  put_bytes({reinterpret_cast<const char*>(address.bytes().data()), size});
  if (!overflowed_) ++counts_[0];
}

std::size_t ResponseWriter::finish() {
  if (overflowed_) {
    at_ = kHeaderSize + query_.question.size();
    counts_ = {};
    flags_ |= kFlagTc;
    overflowed_ = false;
  }
  std::uint16_t additional = counts_[2];
  if (query_.edns) {
    limit_ += opt_size();
    put_opt();
    ++additional;
    YZ_ASSERT(!overflowed_);
  }
  set_u16(0, query_.id);
  set_u16(2, static_cast<std::uint16_t>(flags_ | (static_cast<std::uint16_t>(rcode_) & 0x0f)));
  set_u16(4, query_.question.empty() ? 0 : 1);
  set_u16(6, counts_[0]);
  set_u16(8, counts_[1]);
  set_u16(10, additional);
  return at_;
}

std::size_t ResponseWriter::opt_size() const {
  if (!query_.edns) return 0;
  std::size_t size = kOptHeader;
  if (query_.edns->wants_nsid && !nsid_.empty()) size += 4 + nsid_.size();
  if (query_.edns->client_subnet) size += 4 + to_wire(*query_.edns->client_subnet).size;
  return size;
}

void ResponseWriter::put_opt() {
  const auto& edns = *query_.edns;
  put_u8(0);
  put_u16(static_cast<std::uint16_t>(Type::kOpt));
  put_u16(kUdpPayload);
  put_u8(static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode_) >> 4));
  put_u8(0);  // version
  put_u16(edns.wants_dnssec ? kEdnsDo : 0);
  put_u16(static_cast<std::uint16_t>(opt_size() - kOptHeader));
  if (edns.wants_nsid && !nsid_.empty()) {
    put_u16(static_cast<std::uint16_t>(Option::kNsid));
    put_u16(static_cast<std::uint16_t>(nsid_.size()));
    put_bytes(nsid_);
  }
  if (edns.client_subnet) {
    auto subnet = *edns.client_subnet;
    subnet.scope = scope_;
    const auto wire = to_wire(subnet);
    put_u16(static_cast<std::uint16_t>(Option::kClientSubnet));
    put_u16(static_cast<std::uint16_t>(wire.size));
    put_bytes({wire.bytes, wire.size});
  }
}

void ResponseWriter::put_u8(std::uint8_t value) {
  if (at_ + 1 > limit_) overflowed_ = true;
  if (!overflowed_) out_[at_++] = static_cast<char>(value);
}

void ResponseWriter::put_u16(std::uint16_t value) {
  if (at_ + 2 > limit_) overflowed_ = true;
  if (overflowed_) return;
  set_u16(at_, value);
  at_ += 2;
}

void ResponseWriter::put_u32(std::uint32_t value) {
  put_u16(static_cast<std::uint16_t>(value >> 16));
  put_u16(static_cast<std::uint16_t>(value));
}

void ResponseWriter::put_bytes(std::string_view bytes) {
  if (at_ + bytes.size() > limit_) overflowed_ = true;
  if (overflowed_ || bytes.empty()) return;
  std::memcpy(out_ + at_, bytes.data(), bytes.size());
  at_ += bytes.size();
}

void ResponseWriter::set_u16(std::size_t at, std::uint16_t value) {
  out_[at] = static_cast<char>(value >> 8);
  out_[at + 1] = static_cast<char>(value);
}

bool ResponseWriter::is_written_at(std::size_t offset, std::string_view wire) const {
  // Follows pointers in what this writer wrote: each leads to an earlier place, so this ends.
  std::size_t i = 0;
  while (i < wire.size()) {
    auto length = static_cast<unsigned char>(out_[offset]);
    while (length >= 0xc0) {
      offset = (std::size_t{length} & 0x3f) << 8 | static_cast<unsigned char>(out_[offset + 1]);
      length = static_cast<unsigned char>(out_[offset]);
    }
    if (length != static_cast<unsigned char>(wire[i])) return false;
    if (length == 0) return true;
    if (!equals_ignoring_case({out_ + offset + 1, length}, wire.substr(i + 1, length))) return false;
    offset += std::size_t{length} + 1;
    i += std::size_t{length} + 1;
  }
  return false;
}

void ResponseWriter::put_name(std::string_view wire) {
  const std::size_t known = label_count_;
  for (std::size_t i = 0; wire[i] != 0;) {
    for (std::size_t k = 0; k < known; ++k) {
      if (!is_written_at(labels_[k], wire.substr(i))) continue;
      put_u16(static_cast<std::uint16_t>(0xc000 | labels_[k]));
      return;
    }
    const std::size_t label_size = static_cast<std::size_t>(wire[i]) + 1;
    if (at_ < 0x4000 && label_count_ < labels_.size()) labels_[label_count_++] = static_cast<std::uint16_t>(at_);
    put_bytes(wire.substr(i, label_size));
    if (overflowed_) return;
    i += label_size;
  }
  put_u8(0);
}

void ResponseWriter::put_data(Type type, std::string_view data) {
  const int names = type == Type::kSoa ? 2 : type == Type::kNs || type == Type::kCname ? 1 : 0;
  for (int i = 0; i < names; ++i) {
    const auto name = Name::from_wire(data);
    YZ_ASSERT(name.has_value());  // record.cpp wrote it
    put_name(name->wire());
    data.remove_prefix(name->size());
  }
  put_bytes(data);
}

}  // namespace yz::dns
