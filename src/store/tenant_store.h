#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/tenant.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// Customers; unique names. Nodes never see them, so changes are audited but take no configuration number.
/// Errors as in ResourceStore. A tenant that owns anything cannot be removed (kConflict).
class TenantStore final {
 public:
  explicit TenantStore(Transaction& tx) : tx_(tx) {}

  Result<Stored<model::Tenant>> create(const Author& author, model::Tenant tenant);
  Result<Stored<model::Tenant>> get(model::TenantId id);
  Result<Listing<Stored<model::Tenant>>> list(Page page, const std::string& name = {});
  Result<Stored<model::Tenant>> update(const Author& author, model::Tenant tenant,
                                       std::optional<std::uint64_t> expected = {});
  Status remove(const Author& author, model::TenantId id, std::optional<std::uint64_t> expected = {});

 private:
  Transaction& tx_;
};

}  // namespace yz::store
