#include "store/task_quota_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "store/dialect.h"

namespace yz::store {

using model::TaskQuota;
using model::TenantId;

namespace {

/// One of the sums that are held to a quota.
struct Sum {
  std::string_view what;
  std::uint32_t TaskQuota::* quota;
  std::uint64_t TaskUse::* use;
};
constexpr Sum kSums[] = {
    {"URLs to refresh", &TaskQuota::refresh_urls, &TaskUse::refresh_urls},
    {"directories, tags and domains to refresh", &TaskQuota::refresh_groups, &TaskUse::refresh_groups},
    {"URLs to prefetch", &TaskQuota::prefetch_urls, &TaskUse::prefetch_urls},
};

std::chrono::sys_days day_of(WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

std::int64_t number_of(std::chrono::sys_days day) { return day.time_since_epoch().count(); }

/// The tenant's quota, and its row locked.
Result<TaskQuota> lock_quota(Transaction& tx, TenantId tenant) {
  YZ_TRY(const auto row,
         tx.query_one(fmt::format("SELECT refresh_urls, refresh_groups, prefetch_urls FROM tenant WHERE id = ?{}",
                                  tx.dialect().for_update()),
                      3, {tenant}));
  if (!row) return fail(Code::kNotFound, fmt::format("there is no tenant {}", tenant.value), Fault::kClient);
  return TaskQuota{.refresh_urls = static_cast<std::uint32_t>(row->u64(0)),
                   .refresh_groups = static_cast<std::uint32_t>(row->u64(1)),
                   .prefetch_urls = static_cast<std::uint32_t>(row->u64(2))};
}

}  // namespace

WallTime quotas_reset(WallTime now) { return day_of(now) + std::chrono::days(1); }

Status TaskQuotaStore::lock(const std::set<TenantId>& tenants) {
  if (tenants.empty()) return {};
  std::vector<std::uint64_t> ids;
  for (const TenantId id : tenants) ids.push_back(id.value);
  return tx_
      .query(fmt::format("SELECT id FROM tenant WHERE id IN ({}) ORDER BY id{}", fmt::join(ids, ", "),
                         tx_.dialect().for_update()),
             1)
      .map([](const Rows&) {});
}

Status TaskQuotaStore::take(TenantId tenant, const TaskUse& wanted, WallTime now) {
  YZ_TRY(const TaskQuota quota, lock_quota(tx_, tenant));
  YZ_TRY(const TaskUse present, used(tenant, now));
  for (const Sum& sum : kSums) {
    const std::uint64_t asked = wanted.*sum.use;
    if (asked == 0 || present.*sum.use + asked <= quota.*sum.quota) continue;
    return fail(Code::kLimit,
                fmt::format("{} {} a day are the quota: {} are used, {} were asked for; it starts anew at {}",
                            quota.*sum.quota, sum.what, present.*sum.use, asked, format_rfc3339(quotas_reset(now))),
                Fault::kClient);
  }
  const std::string adding =
      tx_.dialect().or_add("task_use", "tenant, day", {"refresh_urls", "refresh_groups", "prefetch_urls"});
  return tx_
      .execute(
          "INSERT INTO task_use (tenant, day, refresh_urls, refresh_groups, prefetch_urls) "
          "VALUES (?, ?, ?, ?, ?)" +
              adding,
          {tenant, number_of(day_of(now)), wanted.refresh_urls, wanted.refresh_groups, wanted.prefetch_urls})
      .map([](std::uint64_t) {});
}

Result<TaskUse> TaskQuotaStore::used(TenantId tenant, WallTime now) {
  YZ_TRY(const auto row, tx_.query_one("SELECT refresh_urls, refresh_groups, prefetch_urls FROM task_use "
                                       "WHERE tenant = ? AND day = ?",
                                       3, {tenant, number_of(day_of(now))}));
  if (!row) return TaskUse{};
  return TaskUse{.refresh_urls = row->u64(0), .refresh_groups = row->u64(1), .prefetch_urls = row->u64(2)};
}

Result<std::uint64_t> TaskQuotaStore::drop_before(WallTime before) {
  return tx_.execute("DELETE FROM task_use WHERE day < ?", {number_of(day_of(before))});
}

}  // namespace yz::store
