#include "dns/record.h"

namespace yz::dns {

static void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

Record make_address(const Name& owner, std::uint32_t ttl, const IpAddress& address) {
  const auto* bytes = reinterpret_cast<const char*>(address.bytes().data());
  if (address.is_v4()) return {owner, Type::kA, ttl, std::string(bytes, 4)};
  return {owner, Type::kAaaa, ttl, std::string(bytes, 16)};
}

Record make_ns(const Name& owner, std::uint32_t ttl, const Name& server) {
  return {owner, Type::kNs, ttl, std::string(server.wire())};
}

Record make_cname(const Name& owner, std::uint32_t ttl, const Name& target) {
  return {owner, Type::kCname, ttl, std::string(target.wire())};
}

Record make_soa(const Name& owner, std::uint32_t ttl, const Name& primary, const Name& mailbox, std::uint32_t serial,
                const SoaTimers& timers) {
  std::string data;
  data.append(primary.wire()).append(mailbox.wire());
  for (const auto value : {serial, timers.refresh, timers.retry, timers.expire, timers.minimum})
    append_u32(data, value);
  return {owner, Type::kSoa, ttl, std::move(data)};
}

Record make_txt(const Name& owner, std::uint32_t ttl, std::string_view text) {
  std::string data;
  do {
    const auto piece = text.substr(0, 255);
    data.push_back(static_cast<char>(piece.size()));
    data.append(piece);
    text.remove_prefix(piece.size());
  } while (!text.empty());
  return {owner, Type::kTxt, ttl, std::move(data)};
}

}  // namespace yz::dns
