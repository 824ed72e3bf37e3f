#include "store/statistics_store.h"

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "model/config_snapshot.h"
#include "store/dialect.h"

namespace yz::store {

using model::CacheResult;
using model::UsageRecord;

namespace {

constexpr std::size_t kCountColumns = 8;
constexpr std::string_view kCountNames =
    "requests, bytes_out, bytes_in, origin_requests, origin_bytes, duration_us, hits, hit_bytes";
constexpr std::uint64_t kTlsFlag = 16;

constexpr std::array kSteps = {StatisticsStep::kMinute, StatisticsStep::kFiveMinutes, StatisticsStep::kHour,
                               StatisticsStep::kDay};

std::string_view table_of(StatisticsStep step) {
  switch (step) {
    case StatisticsStep::kMinute:
      return "stat_1m";
    case StatisticsStep::kFiveMinutes:
      return "stat_5m";
    case StatisticsStep::kHour:
      return "stat_1h";
    case StatisticsStep::kDay:
      return "stat_1d";
  }
  return "";
}

struct Key {
  Scope scope = Scope::kAll;
  std::uint64_t id = 0;
  model::Tier tier = model::Tier::kL1;
  Facet facet = Facet::kTotal;
  std::uint32_t minute = 0;
  std::uint64_t value = 0;

  friend auto operator<=>(const Key&, const Key&) = default;
};
using Sums = std::map<Key, StatisticsCounts>;

bool is_hit(CacheResult result) {
  return result == CacheResult::kHit || result == CacheResult::kStale || result == CacheResult::kRevalidated;
}

StatisticsCounts counts_of(const UsageRecord& record) {
  StatisticsCounts counts{.usage = record.counts};
  if (is_hit(record.key.cache_result)) {
    counts.hits = record.counts.requests;
    counts.hit_bytes = record.counts.bytes_out;
  }
  return counts;
}

/// Every sum that a record belongs to.
class Summing {
 public:
  explicit Summing(StatisticsStep step) : step_(step) {}

  void add(const UsageRecord& record, const UsageOrigin& origin, model::TenantId tenant) {
    const model::UsageKey& key = record.key;
    const std::uint64_t values[] = {
        0,
        key.status_class,
        static_cast<std::uint64_t>(key.cache_result),
        static_cast<std::uint64_t>(key.protocol) + (key.is_tls ? kTlsFlag : 0),
        std::uint64_t{key.country} << 8 | key.province,
        key.isp,
        origin.group.value,
        origin.node.value,
        key.domain.value,
        tenant.value,
    };
    const std::pair<Scope, std::uint64_t> scopes[] = {{Scope::kAll, 0},
                                                      {Scope::kTenant, tenant.value},
                                                      {Scope::kDomain, key.domain.value},
                                                      {Scope::kNode, origin.node.value}};
    const StatisticsCounts counts = counts_of(record);
    for (const auto& [scope, id] : scopes) {
      if (scope != Scope::kAll && id == 0) continue;
      for (std::size_t facet = 0; facet < std::size(values); ++facet) {
        if (!is_kept(step_, scope, static_cast<Facet>(facet))) continue;
        sums_[{.scope = scope,
               .id = id,
               .tier = key.tier,
               .facet = static_cast<Facet>(facet),
               .minute = key.minute - key.minute % static_cast<std::uint32_t>(step_),
               .value = values[facet]}] += counts;
      }
    }
  }
  [[nodiscard]] const Sums& sums() const { return sums_; }

 private:
  StatisticsStep step_;
  Sums sums_;
};

/// In key order, so that two transactions meet on the first common row, never crosswise.
Status add_to(Transaction& tx, std::string_view table, const Sums& sums) {
  constexpr std::string_view kKeys = "scope, id, tier, facet, minute, value";
  IntegerInsert insert;
  insert.head = fmt::format("INSERT INTO {} ({}, {}) VALUES ", table, kKeys, kCountNames);
  insert.pattern = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  insert.tail = tx.dialect().or_add(
      table, kKeys,
      {"requests", "bytes_out", "bytes_in", "origin_requests", "origin_bytes", "duration_us", "hits", "hit_bytes"});
  for (const auto& [key, counts] : sums) {
    const model::UsageCounts& usage = counts.usage;
    insert.add({static_cast<std::uint64_t>(key.scope), key.id, static_cast<std::uint64_t>(key.tier),
                static_cast<std::uint64_t>(key.facet), key.minute, key.value, usage.requests, usage.bytes_out,
                usage.bytes_in, usage.origin_requests, usage.origin_bytes, usage.duration_us, counts.hits,
                counts.hit_bytes});
  }
  return tx.insert_rows(insert);
}

StatisticsPoint read_point(const Row& row) {
  return {.minute = static_cast<std::uint32_t>(row.u64(0)),
          .value = row.u64(1),
          .counts = {.usage = {.requests = row.u64(2),
                               .bytes_out = row.u64(3),
                               .bytes_in = row.u64(4),
                               .origin_requests = row.u64(5),
                               .origin_bytes = row.u64(6),
                               .duration_us = row.u64(7)},
                     .hits = row.u64(8),
                     .hit_bytes = row.u64(9)}};
}

/// SUM is a decimal in MariaDB: cast back, so that it reads as the integer it is.
std::string sum_columns() {
  return "CAST(SUM(requests) AS SIGNED), CAST(SUM(bytes_out) AS SIGNED) AS bytes, CAST(SUM(bytes_in) AS SIGNED), "
         "CAST(SUM(origin_requests) AS SIGNED), CAST(SUM(origin_bytes) AS SIGNED), CAST(SUM(duration_us) AS SIGNED), "
         "CAST(SUM(hits) AS SIGNED), CAST(SUM(hit_bytes) AS SIGNED)";
}

/// "FROM … WHERE …" of a query, its parameters, and the column that holds the facet's value.
struct Selection {
  std::string text;
  std::vector<Value> parameters;
  std::string_view value = "value";
};

/// The scope whose own total is what a facet's value counts; its rows lie together.
std::optional<Scope> scope_of(Facet facet) {
  if (facet == Facet::kDomain) return Scope::kDomain;
  if (facet == Facet::kTenant) return Scope::kTenant;
  if (facet == Facet::kNode) return Scope::kNode;
  return std::nullopt;
}

std::string append_list(const std::vector<std::uint64_t>& values, std::vector<Value>& parameters) {
  std::string out;
  for (const std::uint64_t value : values) {
    out += out.empty() ? "?" : ", ?";
    parameters.emplace_back(value);
  }
  return out;
}

/// All values of the facet when `values` is empty.
Selection select(const StatisticsQuery& query, const std::vector<std::uint64_t>& values) {
  const auto own = values.empty() ? std::nullopt : scope_of(query.facet);
  Selection out;
  std::vector<Value>& parameters = out.parameters;
  parameters.emplace_back(static_cast<std::uint64_t>(own.value_or(query.scope)));
  out.value = own ? "id" : "value";
  const std::string ids = append_list(own ? values : std::vector{query.id}, parameters);
  if (query.tier) parameters.emplace_back(static_cast<std::uint64_t>(*query.tier));
  parameters.emplace_back(static_cast<std::uint64_t>(own ? Facet::kTotal : query.facet));
  parameters.emplace_back(query.from_minute);
  parameters.emplace_back(query.to_minute);
  out.text = fmt::format(
      " FROM {} WHERE scope = ? AND id IN ({}) AND tier IN ({}) AND facet = ? AND minute >= ? AND "
      "minute < ?",
      table_of(query.step), ids, query.tier ? "?" : "0, 1");
  if (!own && !values.empty()) out.text += fmt::format(" AND value IN ({})", append_list(values, parameters));
  return out;
}

/// The same time in as few rows as there are: whole days by the day, whole hours by the hour, and so on.
std::vector<StatisticsQuery> coarsest_pieces(const StatisticsQuery& query) {
  const auto* next = std::ranges::find(kSteps, query.step) + 1;
  if (query.from_minute >= query.to_minute) return {};
  if (next == kSteps.end()) return {query};
  const auto length = static_cast<std::uint32_t>(*next);
  StatisticsQuery before = query, whole = query, after = query;
  whole.step = *next;
  before.to_minute = whole.from_minute = (query.from_minute + length - 1) / length * length;
  after.from_minute = whole.to_minute = query.to_minute / length * length;
  if (whole.from_minute >= whole.to_minute) return {query};
  std::vector<StatisticsQuery> out = coarsest_pieces(whole);
  if (before.from_minute < before.to_minute) out.push_back(before);
  if (after.from_minute < after.to_minute) out.push_back(after);
  return out;
}

}  // namespace

bool is_kept(StatisticsStep step, Scope scope, Facet facet) {
  if (step == StatisticsStep::kMinute && facet > Facet::kProtocol) return false;
  if (scope == Scope::kNode) return facet <= Facet::kCache;
  switch (facet) {
    case Facet::kNode:
    case Facet::kTenant:
      return scope == Scope::kAll;
    case Facet::kDomain:
      return scope != Scope::kDomain;
    default:
      return true;
  }
}

StatisticsCounts& StatisticsCounts::operator+=(const StatisticsCounts& other) {
  usage += other.usage;
  hits += other.hits;
  hit_bytes += other.hit_bytes;
  return *this;
}

Result<UsageOwners> StatisticsStore::owners(std::span<const CountedBatch> batches) {
  std::set<std::uint64_t> domains;
  for (const CountedBatch& counted : batches) {
    for (const UsageRecord& record : counted.batch->records) {
      if (record.key.domain) domains.insert(record.key.domain.value);
    }
  }
  UsageOwners known;
  if (domains.empty()) return known;
  std::string list;
  std::vector<Value> parameters;
  for (const std::uint64_t domain : domains) {
    list += list.empty() ? "?" : ", ?";
    parameters.emplace_back(domain);
  }
  YZ_TRY(const Rows before,
         tx_.query(fmt::format("SELECT domain, tenant FROM usage_owner WHERE domain IN ({})", list), 2, parameters));
  for (const Row& row : before) known[row.id<model::DomainId>(0)] = row.id<model::TenantId>(1);
  parameters.insert(parameters.begin(), static_cast<std::uint64_t>(model::ResourceKind::kDomain));
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT id, tenant, name FROM resource WHERE kind = ? AND id IN ({})", list), 3,
                   parameters));
  for (const Row& row : rows) {
    const auto domain = row.id<model::DomainId>(0);
    const auto tenant = row.id<model::TenantId>(1);
    if (const auto it = known.find(domain); it != known.end() && it->second == tenant) continue;
    known[domain] = tenant;
    YZ_CHECK(tx_.execute("INSERT INTO usage_owner (domain, tenant, name) VALUES (?, ?, ?)" +
                             tx_.dialect().or_replace("domain", {"tenant", "name"}),
                         {domain, tenant, row.text(2)}));
  }
  return known;
}

Status StatisticsStore::add(std::span<const CountedBatch> batches, const UsageOwners& owners) {
  for (const StatisticsStep step : kSteps) {
    Summing summing(step);
    for (const CountedBatch& counted : batches) {
      for (const UsageRecord& record : counted.batch->records) {
        const auto it = owners.find(record.key.domain);
        summing.add(record, counted.origin, it == owners.end() ? model::TenantId{} : it->second);
      }
    }
    YZ_CHECK(add_to(tx_, table_of(step), summing.sums()));
  }
  // What follows each other is one stretch; by node, so that two transactions never meet crosswise.
  std::vector<UsageStretch> covered;
  for (const CountedBatch& counted : batches) {
    const model::UsageBatch& batch = *counted.batch;
    if (batch.covers_until > batch.covers_from) {
      covered.push_back({counted.origin.node, batch.covers_from, batch.covers_until});
    }
  }
  std::ranges::sort(covered, {}, [](const UsageStretch& one) { return std::tuple(one.node, one.from); });
  for (auto it = covered.begin(); it != covered.end();) {
    UsageStretch whole = *it++;
    for (; it != covered.end() && it->node == whole.node && it->from <= whole.until; ++it) {
      whole.until = std::max(whole.until, it->until);
    }
    YZ_CHECK(cover(whole.node, whole.from, whole.until));
  }
  return {};
}

Result<std::vector<StatisticsPoint>> StatisticsStore::series(const StatisticsQuery& query) {
  return series_of(query, {});
}

Result<std::vector<StatisticsPoint>> StatisticsStore::series_of(const StatisticsQuery& query,
                                                                const std::vector<std::uint64_t>& values) {
  const Selection from = select(query, values);
  // One tier is one row for each point: nothing to sum.
  const std::string sql =
      query.tier
          ? fmt::format("SELECT minute, {}, {}{} ORDER BY minute, {}", from.value, kCountNames, from.text, from.value)
          : fmt::format("SELECT minute, {0}, {1}{2} GROUP BY minute, {0} ORDER BY minute, {0}", from.value,
                        sum_columns(), from.text);
  YZ_TRY(const Rows rows, tx_.query(sql, 2 + kCountColumns, from.parameters));
  std::vector<StatisticsPoint> points;
  points.reserve(rows.size());
  for (const Row& row : rows) points.push_back(read_point(row));
  return points;
}

Result<std::vector<std::uint64_t>> StatisticsStore::ranking(const StatisticsQuery& query, std::size_t limit) {
  std::map<std::uint64_t, std::uint64_t> bytes;
  for (const StatisticsQuery& piece : coarsest_pieces(query)) {
    const Selection from = select(piece, {});
    const std::string sql = fmt::format("SELECT value, CAST(SUM(bytes_out) AS SIGNED){} GROUP BY value", from.text);
    YZ_TRY(const Rows rows, tx_.query(sql, 2, from.parameters));
    for (const Row& row : rows) bytes[row.u64(0)] += row.u64(1);
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> order(bytes.begin(), bytes.end());
  std::ranges::sort(order, [](const auto& x, const auto& y) {
    return x.second != y.second ? x.second > y.second : x.first < y.first;
  });
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < std::min(limit, order.size()); ++i) out.push_back(order[i].first);
  return out;
}

/// Stretches that touch become one: a node without a loss has one row.
Status StatisticsStore::cover(model::NodeId node, WallTime from, WallTime until) {
  YZ_TRY(const Rows touching,
         tx_.query(fmt::format("SELECT covered_from, covered_until FROM usage_coverage WHERE node = ? AND "
                               "covered_from <= ? AND covered_until >= ?{}",
                               tx_.dialect().for_update()),
                   2, {node, until, from}));
  // Nearly always: what goes on where the last one ended.
  if (touching.size() == 1 && touching[0].time(0) < from) {
    until = std::max(until, touching[0].time(1));
    YZ_CHECK(tx_.execute("UPDATE usage_coverage SET covered_until = ? WHERE node = ? AND covered_from = ?",
                         {until, node, touching[0].time(0)}));
    return {};
  }
  for (const Row& row : touching) {
    from = std::min(from, row.time(0));
    until = std::max(until, row.time(1));
    YZ_CHECK(tx_.execute("DELETE FROM usage_coverage WHERE node = ? AND covered_from = ?", {node, row.time(0)}));
  }
  YZ_CHECK(tx_.execute("INSERT INTO usage_coverage (node, covered_from, covered_until) VALUES (?, ?, ?)",
                       {node, from, until}));
  return {};
}

Result<std::vector<UsageStretch>> StatisticsStore::coverage() {
  YZ_TRY(const Rows rows,
         tx_.query("SELECT node, covered_from, covered_until FROM usage_coverage ORDER BY node, covered_from", 3));
  std::vector<UsageStretch> out;
  for (const Row& row : rows) out.push_back({row.id<model::NodeId>(0), row.time(1), row.time(2)});
  return out;
}

Result<std::vector<UsageStretch>> StatisticsStore::gaps(WallTime from, WallTime until) {
  YZ_TRY(const std::vector<UsageStretch> covered, coverage());
  std::vector<UsageStretch> out;
  for (std::size_t i = 0; i < covered.size(); ++i) {
    const bool is_last = i + 1 == covered.size() || covered[i + 1].node != covered[i].node;
    const UsageStretch gap{.node = covered[i].node,
                           .from = std::max(from, covered[i].until),
                           .until = is_last ? until : std::min(until, covered[i + 1].from)};
    if (gap.from < gap.until) out.push_back(gap);
  }
  return out;
}

Result<std::uint64_t> StatisticsStore::drop_before(StatisticsStep step, std::uint32_t minute) {
  return tx_.execute(fmt::format("DELETE FROM {} WHERE minute < ?", table_of(step)), {minute});
}

}  // namespace yz::store
