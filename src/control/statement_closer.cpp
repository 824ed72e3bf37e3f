#include "control/statement_closer.h"

#include "base/log.h"
#include "store/billing_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::minutes kShortestWait{15};
constexpr std::chrono::hours kLongestWait{24};

/// Closes one month unless counts are still on their way.
Status close_one(store::Transaction& tx, const store::OpenMonth& open, WallTime now) {
  const WallTime from{std::chrono::minutes(open.period.from_minute)};
  const WallTime until{std::chrono::minutes(open.period.until_minute)};
  if (now < until + kShortestWait) return {};
  YZ_TRY(const std::vector<store::UsageStretch> gaps, store::StatisticsStore(tx).gaps(from, until));
  if (!gaps.empty() && now < until + kLongestWait) return {};
  for (const store::UsageStretch& gap : gaps) {
    log::warn("the statement of tenant {} for {} is closed without the counts of node {} from {} to {}",
              open.tenant.value, open.month, gap.node.value, format_rfc3339(gap.from), format_rfc3339(gap.until));
  }
  const store::Author author{.actor = "system", .address = "", .request_id = "", .tenant = open.tenant, .at = now};
  store::BillingStore billing(tx);
  YZ_TRY(const store::StoredStatement drawn, billing.draw(author, open.tenant, open.month));
  YZ_CHECK(billing.close(author, drawn.id));
  return {};
}

}  // namespace

Status close_due_statements(store::Database& database, WallTime now) {
  YZ_TRY(const std::vector<store::OpenMonth> due,
         database.read([&](store::Transaction& tx) { return store::BillingStore(tx).open_months(now); }));
  for (const store::OpenMonth& open : due) {
    const Status done = database.write([&](store::Transaction& tx) { return close_one(tx, open, now); });
    if (!done) {
      log::error("the statement of tenant {} for {} cannot be closed: {}", open.tenant.value, open.month,
                 done.error().message);
    }
  }
  return {};
}

}  // namespace yz::control
