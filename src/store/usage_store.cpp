#include "store/usage_store.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {

using model::UsageCounts;
using model::UsageKey;
using model::UsageRecord;

namespace {

using Sums = std::map<UsageKey, UsageCounts>;
constexpr std::uint32_t kCoarse = 5;

Sums sum_by(std::span<const model::UsageBatch* const> batches, std::uint32_t step) {
  Sums sums;
  for (const model::UsageBatch* batch : batches) {
    for (const UsageRecord& record : batch->records) {
      // What the rollup does not tell apart stays at its default.
      const UsageKey key{.minute = record.key.minute - record.key.minute % step,
                         .domain = record.key.domain,
                         .tier = record.key.tier,
                         .status_class = record.key.status_class,
                         .cache_result = record.key.cache_result};
      sums[key] += record.counts;
    }
  }
  return sums;
}

/// Adds the sums to a rollup, in key order: two transactions meet on the first common row, never crosswise.
Status add_to(Transaction& tx, std::string_view table, const Sums& sums) {
  IntegerInsert insert;
  insert.head = fmt::format(
      "INSERT INTO {} (minute, domain, tier, status_class, cache_result, requests, bytes_out, bytes_in, "
      "origin_requests, origin_bytes, duration_us) VALUES ",
      table);
  insert.pattern = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  insert.tail =
      tx.dialect().or_add(table, "minute, domain, tier, status_class, cache_result",
                          {"requests", "bytes_out", "bytes_in", "origin_requests", "origin_bytes", "duration_us"});
  for (const auto& [key, counts] : sums) {
    insert.add({key.minute, key.domain.value, static_cast<std::uint64_t>(key.tier), key.status_class,
                static_cast<std::uint64_t>(key.cache_result), counts.requests, counts.bytes_out, counts.bytes_in,
                counts.origin_requests, counts.origin_bytes, counts.duration_us});
  }
  return tx.insert_rows(insert);
}

UsagePoint read_point(const Row& row) {
  return {.key = {.minute = static_cast<std::uint32_t>(row.u64(0)),
                  .domain = row.id<model::DomainId>(1),
                  .tier = static_cast<model::Tier>(row.u64(2)),
                  .status_class = static_cast<std::uint8_t>(row.u64(3)),
                  .cache_result = static_cast<model::CacheResult>(row.u64(4))},
          .counts = {.requests = row.u64(5),
                     .bytes_out = row.u64(6),
                     .bytes_in = row.u64(7),
                     .origin_requests = row.u64(8),
                     .origin_bytes = row.u64(9),
                     .duration_us = row.u64(10)}};
}

/// SUM is a decimal in MariaDB: cast back, so that it reads as the integer it is.
std::string sum_columns() {
  std::string text;
  for (const std::string_view column :
       {"requests", "bytes_out", "bytes_in", "origin_requests", "origin_bytes", "duration_us"}) {
    text += fmt::format(", CAST(SUM({}) AS SIGNED)", column);
  }
  return text;
}

Result<std::vector<UsagePoint>> select_sums(Transaction& tx, const UsageQuery& query, std::string_view detail_columns,
                                            std::string_view group_by_detail) {
  const auto step = static_cast<std::uint32_t>(query.step);
  std::string sql =
      fmt::format("SELECT minute - minute % {} AS start, domain, {}{} FROM {} WHERE minute >= ? AND minute < ?", step,
                  detail_columns, sum_columns(), query.step == UsageStep::kMinute ? "usage_1m" : "usage_5m");
  // Whole steps: a point is never a part of one.
  const std::uint32_t from = query.from_minute - query.from_minute % step;
  const std::uint32_t to = (query.to_minute + step - 1) / step * step;
  std::vector<Value> parameters{from, to};
  if (query.tier) {
    sql += " AND tier = ?";
    parameters.emplace_back(static_cast<std::uint64_t>(*query.tier));
  }
  if (!query.domains.empty()) {
    sql += " AND domain IN (";
    for (std::size_t i = 0; i < query.domains.size(); ++i) {
      sql += i == 0 ? "?" : ", ?";
      parameters.emplace_back(query.domains[i]);
    }
    sql += ")";
  }
  sql += fmt::format(" GROUP BY start, domain{0} ORDER BY start, domain{0}", group_by_detail);
  YZ_TRY(const Rows rows, tx.query(sql, 11, parameters));
  std::vector<UsagePoint> points;
  points.reserve(rows.size());
  for (const Row& row : rows) points.push_back(read_point(row));
  return points;
}

}  // namespace

Result<bool> UsageStore::ingest(const model::UsageBatch& batch, WallTime now) {
  YZ_TRY(const auto fresh, ingest(std::span(&batch, 1), now));
  return !fresh.empty();
}

Result<std::vector<const model::UsageBatch*>> UsageStore::ingest(std::span<const model::UsageBatch> batches,
                                                                 WallTime now) {
  std::vector<const model::UsageBatch*> fresh;
  for (const model::UsageBatch& batch : batches) {
    auto first =
        tx_.execute("INSERT INTO usage_batch (node, epoch, number, received_at, records) VALUES (?, ?, ?, ?, ?)",
                    {batch.node, batch.epoch, batch.number, now, std::uint64_t{batch.records.size()}});
    if (!first && first.error().code == Code::kAlreadyExists) continue;
    if (!first) return fail(std::move(first).error());
    fresh.push_back(&batch);
  }
  YZ_CHECK(add_to(tx_, "usage_1m", sum_by(fresh, 1)));
  YZ_CHECK(add_to(tx_, "usage_5m", sum_by(fresh, kCoarse)));
  return fresh;
}

Result<std::vector<UsagePoint>> UsageStore::series(const UsageQuery& query) {
  return select_sums(tx_, query, "tier, status_class, cache_result", ", tier, status_class, cache_result");
}

Result<std::vector<UsagePoint>> UsageStore::totals(const UsageQuery& query) {
  return select_sums(tx_, query, "0, 0, 0", "");
}

Result<std::uint64_t> UsageStore::drop_batches_before(WallTime before) {
  return tx_.execute("DELETE FROM usage_batch WHERE received_at < ?", {before});
}

Result<std::uint64_t> UsageStore::drop_minutes_before(std::uint32_t minute) {
  return tx_.execute("DELETE FROM usage_1m WHERE minute < ?", {minute});
}

}  // namespace yz::store
