#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/usage.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// Whose traffic is summed. The numbers are in the database: never renumber.
enum class Scope : std::uint8_t {
  kAll,     ///< everybody's; the id is 0
  kTenant,  ///< a tenant's domains
  kDomain,
  kNode,  ///< what one node served; kTotal, kStatus and kCache only
};

/// By what it is told apart. The numbers are in the database: never renumber. What `value` holds:
enum class Facet : std::uint8_t {
  kTotal,     ///< 0
  kStatus,    ///< 1-5 for 1xx-5xx
  kCache,     ///< model::CacheResult
  kProtocol,  ///< model::Protocol, plus 16 over TLS
  kRegion,    ///< country << 8 | province, as in model::UsageKey
  kIsp,       ///< as in model::UsageKey
  kGroup,     ///< the node's group
  kNode,      ///< Scope::kAll only
  kDomain,    ///< Scope::kAll and kTenant only
  kTenant,    ///< Scope::kAll only
};

/// The lengths of what is kept, in minutes. A minute is kept for kTotal, kStatus, kCache and kProtocol only.
enum class StatisticsStep : std::uint32_t { kMinute = 1, kFiveMinutes = 5, kHour = 60, kDay = 1440 };

/// Whether sums of such a facet are kept for such a step and scope.
[[nodiscard]] bool is_kept(StatisticsStep step, Scope scope, Facet facet);

/// Requests and bytes with what the cache did for them.
struct StatisticsCounts {
  model::UsageCounts usage;
  std::uint64_t hits = 0;  ///< answered from the store: fresh, revalidated or stale
  std::uint64_t hit_bytes = 0;

  StatisticsCounts& operator+=(const StatisticsCounts& other);
  friend bool operator==(const StatisticsCounts&, const StatisticsCounts&) = default;
};

struct StatisticsPoint {
  std::uint32_t minute = 0;  ///< the step's start
  std::uint64_t value = 0;   ///< of the facet
  StatisticsCounts counts;

  friend bool operator==(const StatisticsPoint&, const StatisticsPoint&) = default;
};

/// What to read: [from, to) in minutes since the epoch, both on the step's grid.
struct StatisticsQuery {
  Scope scope = Scope::kAll;
  std::uint64_t id = 0;
  Facet facet = Facet::kTotal;
  StatisticsStep step = StatisticsStep::kFiveMinutes;
  std::optional<model::Tier> tier = model::Tier::kL1;  ///< none: both
  std::uint32_t from_minute = 0;
  std::uint32_t to_minute = 0;
};

/// Where a batch was counted, as control knows it.
struct UsageOrigin {
  model::NodeId node;
  model::NodeGroupId group;
  std::string country;  ///< of the group's place; "" when it is not given
};

/// A batch and where it was counted. Points into what the caller keeps.
struct CountedBatch {
  const model::UsageBatch* batch = nullptr;
  UsageOrigin origin;
};

/// Whose the domains of a batch are; one that was nobody's is not in it.
using UsageOwners = std::map<model::DomainId, model::TenantId>;

/// A stretch of time of a node: its counts are here, or (a gap) lost or still on their way.
struct UsageStretch {
  model::NodeId node;
  WallTime from;
  WallTime until;

  friend bool operator==(const UsageStretch&, const UsageStretch&) = default;
};

/// Traffic summed in every way a chart shows it, when it arrives: four steps, each kept for its own time. All sums are
/// exact and additive, so late batches need no care.
class StatisticsStore final {
 public:
  explicit StatisticsStore(Transaction& tx) : tx_(tx) {}

  /// Whose domains these are now; of a removed one, whose it was when something was counted for it last.
  Result<UsageOwners> owners(std::span<const CountedBatch> batches);
  /// Adds batches, which must be those that UsageStore::ingest found new, in the same transaction.
  Status add(std::span<const CountedBatch> batches, const UsageOwners& owners);

  /// The points there are, ordered by (minute, value).
  Result<std::vector<StatisticsPoint>> series(const StatisticsQuery& query);
  /// The same for some values of the facet only.
  Result<std::vector<StatisticsPoint>> series_of(const StatisticsQuery& query,
                                                 const std::vector<std::uint64_t>& values);
  /// The values with the most bytes sent in the whole time, the first before the others, at most `limit`.
  Result<std::vector<std::uint64_t>> ranking(const StatisticsQuery& query, std::size_t limit);

  /// What is missing of [from, until) by node, beginning where a node was first heard of. By node, then time.
  Result<std::vector<UsageStretch>> gaps(WallTime from, WallTime until);
  /// Of which times the counts are here, by node, then time; neighbours do not touch.
  Result<std::vector<UsageStretch>> coverage();

  /// Drops sums of one step before `minute`. How many rows.
  Result<std::uint64_t> drop_before(StatisticsStep step, std::uint32_t minute);

 private:
  Status cover(model::NodeId node, WallTime from, WallTime until);

  Transaction& tx_;
};

}  // namespace yz::store
