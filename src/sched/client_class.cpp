#include "sched/client_class.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::sched {

ClientClass class_of(const geo::GeoInfo& info) { return {info.country, info.province, info.isp}; }

std::string to_string(const ClientClass& client) {
  const auto known = [](std::string_view text) { return text.empty() ? std::string_view("-") : text; };
  const std::string country = geo::to_string(client.country);
  return fmt::format("{} {} {}", known(country), known(geo::to_string(client.province)),
                     known(geo::to_string(client.isp)));
}

std::uint64_t salt_of(model::DomainId domain, const IpAddress& client) {
  const IpAddress plain = client.unmapped();
  const IpAddress block = plain.masked(plain.is_v4() ? 24 : 56);
  std::string key;
  ByteWriter writer(key);
  writer.u64(domain.value);
  for (const std::uint8_t byte : block.bytes()) writer.u8(byte);
  return hash64(key);
}

}  // namespace yz::sched
