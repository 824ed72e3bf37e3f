#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dns/authority.h"
#include "model/config_snapshot.h"

namespace yz::gslb {

/// What DNS is asked for, made from one configuration: the CDN zone with a service for every enabled domain. Immutable.
/// Rebuilt only when the configuration changes; health never touches it.
struct Zones {
  std::shared_ptr<const dns::Authority> authority;
  std::vector<model::DomainId> services;  ///< service number - 1 -> domain
  /// Host names that viewers use (names, aliases, CNAME targets; lower case) -> domain, for 302 and HTTP-DNS.
  std::unordered_map<std::string, model::DomainId> hosts;
};

/// SOA (serial = configuration sequence), NS and glue from the settings, a service at each domain's CNAME target. Fails
/// with kInvalid when the settings make no zone or a label is no name. A configuration without settings makes no zone.
[[nodiscard]] Result<std::shared_ptr<const Zones>> build_zones(const model::ConfigSnapshot& config,
                                                               const std::string& nsid);

}  // namespace yz::gslb
