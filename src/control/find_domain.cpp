#include "control/find_domain.h"

#include "base/text.h"

namespace yz::control {

const model::Domain* find_domain(const model::ConfigSnapshot& config, const Principal& caller,
                                 std::string_view id_or_host) {
  const auto id = parse_u64(id_or_host);
  const model::Domain* domain =
      id ? config.domains.find(model::DomainId{*id}) : config.find_domain(to_lower(id_or_host));
  return domain != nullptr && caller.may_see(domain->tenant, domain->id) ? domain : nullptr;
}

}  // namespace yz::control
