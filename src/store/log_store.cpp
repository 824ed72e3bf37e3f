#include "store/log_store.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "store/dialect.h"

namespace yz::store {
namespace {

constexpr std::size_t kRowsPerInsert = 100;

LogBatchName read_name(const Row& row) { return {row.id<model::NodeId>(0), row.u64(1), row.u64(2)}; }

Result<std::vector<LogBatchName>> read_names(Result<Rows> rows) {
  if (!rows) return fail(std::move(rows).error());
  std::vector<LogBatchName> out;
  out.reserve(rows->size());
  for (const Row& row : *rows) out.push_back(read_name(row));
  return out;
}

Result<std::uint64_t> read_sum(Result<std::optional<Row>> row) {
  if (!row) return fail(std::move(row).error());
  return *row ? (*row)->u64(0) : 0;
}

}  // namespace

Result<bool> LogStore::has(const LogBatchName& batch) {
  YZ_TRY(const auto row, tx_.query_one("SELECT 1 FROM log_batch WHERE node = ? AND epoch = ? AND number = ?", 1,
                                       {batch.node, batch.epoch, batch.number}));
  return row.has_value();
}

Result<bool> LogStore::keeps(const LogBatchName& batch) {
  YZ_TRY(const auto row,
         tx_.query_one("SELECT 1 FROM log_batch WHERE node = ? AND epoch = ? AND number = ? AND bytes > 0", 1,
                       {batch.node, batch.epoch, batch.number}));
  return row.has_value();
}

Result<bool> LogStore::ingest(const model::LogBatchHead& head, std::uint64_t bytes, WallTime now) {
  // A batch without lines has no hours of its own; its file is kept as long as one of now.
  const std::uint32_t first = head.slices.empty() ? model::hour_of(now) : head.slices.front().hour;
  const std::uint32_t last = head.slices.empty() ? model::hour_of(now) : head.slices.back().hour;
  auto inserted = tx_.execute(
      "INSERT INTO log_batch (node, epoch, number, received_at, first_hour, last_hour, is_wide, bytes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {head.node, head.epoch, head.number, now, first, last, last - first > 1, bytes});
  if (!inserted && inserted.error().code == Code::kAlreadyExists) return false;
  if (!inserted) return fail(std::move(inserted).error());
  YZ_CHECK(add(head.slices));
  YZ_CHECK(note(head.node, head.losses, now));
  return true;
}

/// In key order: two transactions meet on the first common row, never crosswise.
Status LogStore::add(const std::vector<model::LogSlice>& slices) {
  std::vector<model::LogSlice> sorted = slices;
  std::ranges::sort(sorted, {}, [](const model::LogSlice& s) { return std::tuple(s.domain, s.hour); });
  const std::string tail = tx_.dialect().or_add("log_hour", "domain, hour", {"requests", "text_bytes", "bytes"});
  for (std::size_t at = 0; at < sorted.size(); at += kRowsPerInsert) {
    std::string sql = "INSERT INTO log_hour (domain, hour, requests, text_bytes, bytes, removed, cut) VALUES ";
    std::vector<Value> parameters;
    for (std::size_t i = at; i < std::min(at + kRowsPerInsert, sorted.size()); ++i) {
      const model::LogSlice& slice = sorted[i];
      sql += i == at ? "(?, ?, ?, ?, ?, 0, 0)" : ", (?, ?, ?, ?, ?, 0, 0)";
      parameters.insert(parameters.end(), {slice.domain, slice.hour, slice.lines, slice.text_bytes, slice.size});
    }
    YZ_CHECK(tx_.execute(sql + tail, parameters));
  }
  return {};
}

/// Reports are cumulative and may come in any order: the larger number is the newer one.
Status LogStore::note(model::NodeId node, const std::vector<model::AccessLoss>& losses, WallTime now) {
  if (losses.empty()) return {};
  std::map<std::tuple<std::uint64_t, std::uint64_t, model::DomainId>, std::uint64_t> known;
  YZ_TRY(const Rows rows, tx_.query("SELECT epoch, hour, domain, lost FROM log_loss WHERE node = ?", 4, {node}));
  for (const Row& row : rows) known[{row.u64(0), row.u64(1), row.id<model::DomainId>(2)}] = row.u64(3);
  const std::string sql = "INSERT INTO log_loss (node, epoch, hour, domain, lost, noted_at) VALUES (?, ?, ?, ?, ?, ?)" +
                          tx_.dialect().or_replace("node, epoch, hour, domain", {"lost", "noted_at"});
  for (const model::AccessLoss& loss : losses) {
    const auto it = known.find({loss.epoch, loss.hour, loss.domain});
    if (it != known.end() && it->second >= loss.lost) continue;
    YZ_CHECK(tx_.execute(sql, {node, loss.epoch, loss.hour, loss.domain, loss.lost, now}));
  }
  return {};
}

Result<std::vector<LogHour>> LogStore::hours(model::DomainId domain, std::uint32_t from_hour,
                                             std::uint32_t until_hour) {
  std::map<std::uint32_t, LogHour> found;
  YZ_TRY(const Rows sums, tx_.query("SELECT hour, requests, text_bytes, bytes, removed, cut FROM log_hour "
                                    "WHERE domain = ? AND hour >= ? AND hour < ?",
                                    6, {domain, from_hour, until_hour}));
  for (const Row& row : sums) {
    const auto hour = static_cast<std::uint32_t>(row.u64(0));
    found[hour] = {hour, row.u64(1), row.u64(2), row.u64(3), row.u64(4), 0};
    if (row.boolean(5)) found[hour] = {hour, 0, 0, 0, row.u64(4) + row.u64(1), 0};
  }
  YZ_TRY(const Rows losses, tx_.query("SELECT hour, CAST(SUM(lost) AS SIGNED) FROM log_loss "
                                      "WHERE domain = ? AND hour >= ? AND hour < ? GROUP BY hour",
                                      2, {domain, from_hour, until_hour}));
  for (const Row& row : losses) {
    const auto hour = static_cast<std::uint32_t>(row.u64(0));
    found[hour].hour = hour;
    found[hour].lost = row.u64(1);
  }
  std::vector<LogHour> out;
  out.reserve(found.size());
  for (const auto& [hour, sum] : found) out.push_back(sum);
  return out;
}

/// Nearly every batch is of one hour, or of two that meet; the few that are not have an index range of their own.
Result<std::vector<LogBatchName>> LogStore::batches(std::uint32_t hour) {
  YZ_TRY(std::vector<LogBatchName> out,
         read_names(tx_.query("SELECT node, epoch, number FROM log_batch WHERE is_wide = 0 AND last_hour >= ? "
                              "AND last_hour <= ? AND first_hour <= ? AND bytes > 0 "
                              "ORDER BY received_at, node, epoch, number",
                              3, {hour, hour + 1, hour})));
  YZ_TRY(const std::vector<LogBatchName> wide,
         read_names(tx_.query("SELECT node, epoch, number FROM log_batch WHERE is_wide = 1 AND last_hour >= ? "
                              "AND first_hour <= ? AND bytes > 0 ORDER BY received_at, node, epoch, number",
                              3, {hour, hour})));
  out.insert(out.end(), wide.begin(), wide.end());
  return out;
}

Result<bool> LogStore::is_cut(model::DomainId domain, std::uint32_t hour) {
  YZ_TRY(const auto row, tx_.query_one("SELECT cut FROM log_hour WHERE domain = ? AND hour = ?", 1, {domain, hour}));
  return row && row->boolean(0);
}

Result<std::vector<std::pair<model::DomainId, std::uint64_t>>> LogStore::bytes_by_domain() {
  YZ_TRY(const Rows rows, tx_.query("SELECT domain, CAST(SUM(bytes) AS SIGNED) FROM log_hour WHERE cut = 0 "
                                    "GROUP BY domain",
                                    2));
  std::vector<std::pair<model::DomainId, std::uint64_t>> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.emplace_back(row.id<model::DomainId>(0), row.u64(1));
  return out;
}

Result<std::vector<LogSize>> LogStore::sizes(model::DomainId domain) {
  YZ_TRY(const Rows rows, tx_.query("SELECT hour, bytes FROM log_hour WHERE domain = ? AND cut = 0 AND bytes > 0 "
                                    "ORDER BY hour",
                                    2, {domain}));
  std::vector<LogSize> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back({domain, static_cast<std::uint32_t>(row.u64(0)), row.u64(1)});
  return out;
}

Status LogStore::cut(model::DomainId domain, std::uint32_t hour) {
  YZ_CHECK(tx_.execute("UPDATE log_hour SET cut = 1 WHERE domain = ? AND hour = ?", {domain, hour}));
  return {};
}

Status LogStore::shrink(const LogBatchName& batch, std::uint64_t bytes) {
  YZ_CHECK(
      tx_.execute("UPDATE log_batch SET bytes = bytes - ? WHERE node = ? AND epoch = ? AND number = ? "
                  "AND bytes > ?",
                  {bytes, batch.node, batch.epoch, batch.number, bytes}));
  return {};
}

Result<std::uint64_t> LogStore::total_bytes() {
  return read_sum(tx_.query_one("SELECT CAST(COALESCE(SUM(bytes), 0) AS SIGNED) FROM log_batch", 1));
}

Result<std::uint64_t> LogStore::total_lost() {
  return read_sum(tx_.query_one("SELECT CAST(COALESCE(SUM(lost), 0) AS SIGNED) FROM log_loss", 1));
}

Result<std::optional<LogFile>> LogStore::oldest() {
  YZ_TRY(const auto row, tx_.query_one("SELECT node, epoch, number, bytes FROM log_batch WHERE bytes > 0 "
                                       "ORDER BY last_hour, first_hour, node, epoch, number LIMIT 1",
                                       4));
  return row ? std::optional(LogFile{read_name(*row), row->u64(3)}) : std::nullopt;
}

Status LogStore::remove(const model::LogBatchHead& head) {
  YZ_TRY(const std::uint64_t changed, tx_.execute("UPDATE log_batch SET bytes = 0 WHERE node = ? AND epoch = ? AND "
                                                  "number = ? AND bytes > 0",
                                                  {head.node, head.epoch, head.number}));
  if (changed == 0) return {};  // it was removed before
  for (const model::LogSlice& slice : head.slices) {
    YZ_CHECK(
        tx_.execute("UPDATE log_hour SET requests = requests - ?, text_bytes = text_bytes - ?, "
                    "bytes = bytes - ?, removed = removed + ? WHERE domain = ? AND hour = ? "
                    "AND requests >= ? AND text_bytes >= ? AND bytes >= ?",
                    {slice.lines, slice.text_bytes, slice.size, slice.lines, slice.domain, slice.hour, slice.lines,
                     slice.text_bytes, slice.size}));
  }
  return {};
}

Result<std::vector<LogBatchName>> LogStore::batches_before(std::uint32_t hour, std::size_t limit) {
  return read_names(tx_.query(
      fmt::format("SELECT node, epoch, number FROM log_batch WHERE received_at < ? ORDER BY received_at LIMIT {}",
                  limit),
      3, {model::start_of_hour(hour)}));
}

Status LogStore::forget(const LogBatchName& batch) {
  YZ_CHECK(tx_.execute("DELETE FROM log_batch WHERE node = ? AND epoch = ? AND number = ?",
                       {batch.node, batch.epoch, batch.number}));
  return {};
}

Status LogStore::drop_hours_before(std::uint32_t hour) {
  YZ_CHECK(tx_.execute("DELETE FROM log_hour WHERE hour < ?", {hour}));
  YZ_CHECK(tx_.execute("DELETE FROM log_loss WHERE noted_at < ? OR (hour > 0 AND hour < ?)",
                       {model::start_of_hour(hour), hour}));
  return {};
}

}  // namespace yz::store
