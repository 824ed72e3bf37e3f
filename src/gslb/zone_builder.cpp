#include "gslb/zone_builder.h"

#include <fmt/format.h>

namespace yz::gslb {
namespace {

using dns::Name;
using dns::Record;

Result<std::vector<Record>> apex_records(const model::ConfigSnapshot& config, const Name& zone) {
  const auto& settings = config.settings;
  const auto ttl = static_cast<std::uint32_t>(settings.ns_ttl.count());
  if (settings.name_servers.empty()) return fail(Code::kInvalid, "settings: the zone needs at least one name server");
  dns::SoaTimers timers;
  timers.minimum = static_cast<std::uint32_t>(settings.negative_ttl.count());
  YZ_TRY(const auto primary, Name::parse(settings.name_servers.front().name));
  const auto hostmaster = settings.hostmaster.empty() ? "hostmaster." + settings.cdn_zone : settings.hostmaster;
  YZ_TRY(const auto mailbox, Name::parse(hostmaster));
  std::vector<Record> records = {
      dns::make_soa(zone, ttl, primary, mailbox, static_cast<std::uint32_t>(config.seq.value), timers)};
  for (const auto& server : settings.name_servers) {
    YZ_TRY(const auto name, Name::parse(server.name));
    records.push_back(dns::make_ns(zone, ttl, name));
    if (!name.is_within(zone)) continue;
    for (const auto& address : server.addresses) records.push_back(dns::make_address(name, ttl, address));
  }
  return records;
}

/// What authorities look for (RFC 8555 §8.4), at the names that hosts delegate to us. One whose name would be too long
/// is left out: control refuses it before.
void add_challenges(const model::ConfigSnapshot& config, std::vector<Record>& records) {
  constexpr std::uint32_t kTtl = 1;  // the next order asks for another value
  for (const auto& [id, entry] : config.challenges) {
    const model::Challenge& one = *entry.value;
    if (one.kind != model::ChallengeKind::kDns) continue;
    const auto name = Name::parse(model::challenge_name(one.host, config.settings.cdn_zone));
    if (name) records.push_back(dns::make_txt(*name, kTtl, one.value));
  }
}

}  // namespace

Result<std::shared_ptr<const Zones>> build_zones(const model::ConfigSnapshot& config, const std::string& nsid) {
  auto out = std::make_shared<Zones>();
  std::vector<dns::Zone> zones;
  if (!config.settings.cdn_zone.empty()) {
    YZ_TRY(const auto zone, Name::parse(config.settings.cdn_zone));
    YZ_TRY(auto records, apex_records(config, zone));
    add_challenges(config, records);
    std::vector<dns::Zone::Service> services;
    for (const auto& [id, entry] : config.domains) {
      const auto& domain = *entry.value;
      if (!domain.enabled) continue;
      const std::string target = model::cname_target(domain, config.settings.cdn_zone);
      const auto name = Name::parse(target);
      if (!name) return fail(Error(name.error()).with_context(fmt::format("domain {}", domain.name)));
      out->services.push_back(id);
      services.push_back({*name, static_cast<std::uint32_t>(out->services.size())});
      out->hosts[target] = id;
      out->hosts[domain.name] = id;
      for (const auto& alias : domain.aliases) out->hosts[alias] = id;
    }
    YZ_TRY(auto built, dns::Zone::build(zone, records, services));
    zones.push_back(std::move(built));
  }
  out->authority = std::make_shared<const dns::Authority>(std::move(zones), dns::Authority::Options{nsid});
  return std::shared_ptr<const Zones>(std::move(out));
}

}  // namespace yz::gslb
