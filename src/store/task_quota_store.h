#pragma once

#include <cstdint>
#include <set>

#include "model/tenant.h"
#include "store/transaction.h"

namespace yz::store {

/// What tasks count as against a tenant's model::TaskQuota.
struct TaskUse {
  std::uint64_t refresh_urls = 0;
  std::uint64_t refresh_groups = 0;
  std::uint64_t prefetch_urls = 0;

  friend bool operator==(const TaskUse&, const TaskUse&) = default;
};

/// When the quotas of the day that `now` lies in start anew: the next midnight (UTC).
[[nodiscard]] WallTime quotas_reset(WallTime now);

/// What tenants have had refreshed and prefetched, by day (UTC), held to their quotas.
class TaskQuotaStore final {
 public:
  explicit TaskQuotaStore(Transaction& tx) : tx_(tx) {}

  /// For who takes for several tenants in one transaction: locks their rows in one order, so that of two such
  /// transactions one waits for the other instead of each for each. A tenant that is not there is passed over.
  Status lock(const std::set<model::TenantId>& tenants);
  /// Counts what is wanted of a tenant, whose row stays locked until the transaction ends. Writes nothing and fails
  /// with kLimit when the day's sum would exceed its quota, with kNotFound when there is no such tenant.
  Status take(model::TenantId tenant, const TaskUse& wanted, WallTime now);
  /// What it has used on the day of `now`.
  Result<TaskUse> used(model::TenantId tenant, WallTime now);
  /// Forgets the days that ended before `before`. How many rows.
  Result<std::uint64_t> drop_before(WallTime before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
