#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/usage.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// The granularity of a usage series. Minutes are kept as counted; longer steps are sums of 5-minute rollups.
enum class UsageStep : std::uint32_t { kMinute = 1, kFiveMinutes = 5, kHour = 60, kDay = 1440 };

/// What to sum. Times are minutes since the epoch; [from, to), widened to whole steps.
struct UsageQuery {
  std::vector<model::DomainId> domains;  ///< empty: all
  std::uint32_t from_minute = 0;
  std::uint32_t to_minute = 0;
  UsageStep step = UsageStep::kFiveMinutes;
  std::optional<model::Tier> tier;  ///< none: both
};

/// Sums of one step; `key.minute` is its start.
using UsagePoint = model::UsageRecord;

/// What nodes counted, stored exactly once: a batch's (node, epoch, number) and its additive 1-minute and 5-minute
/// rollups go in by one transaction.
class UsageStore final {
 public:
  explicit UsageStore(Transaction& tx) : tx_(tx) {}

  /// True when the batch was new, false when it was stored before (then nothing changes): acknowledge it either way.
  Result<bool> ingest(const model::UsageBatch& batch, WallTime now);
  /// The same for many, whose sums are written once. Those that were new, in their order.
  Result<std::vector<const model::UsageBatch*>> ingest(std::span<const model::UsageBatch> batches, WallTime now);
  /// Sums for each (step, domain, tier, status class, cache result) that has any, ordered by them.
  Result<std::vector<UsagePoint>> series(const UsageQuery& query);
  /// The same for each step and domain only: `key`'s tier, status class and cache result mean nothing.
  Result<std::vector<UsagePoint>> totals(const UsageQuery& query);
  /// Forgets which batches came before `before`: one that is sent again after that would count twice, so keep far more
  /// than a node can be away (30 days). How many.
  Result<std::uint64_t> drop_batches_before(WallTime before);
  /// Drops 1-minute rollups before `minute`; 5-minute ones stay. How many rows.
  Result<std::uint64_t> drop_minutes_before(std::uint32_t minute);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
