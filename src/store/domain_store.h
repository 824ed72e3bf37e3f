#pragma once

#include <optional>
#include <string_view>

#include "store/resource_store.h"

namespace yz::store {

/// Domains; names and aliases are unique over all tenants.
class DomainStore final : public ResourceStore<model::Domain> {
 public:
  using ResourceStore::ResourceStore;

  /// The domain with this name or alias (canonical: lower case, no final dot), or none.
  Result<std::optional<Stored<model::Domain>>> find_host(std::string_view host);
};

}  // namespace yz::store
