#include "store/purge_log.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "store/sequence.h"

namespace yz::store {

using model::PurgeRecord;
using model::PurgeSeq;

namespace {
constexpr std::size_t kRowsPerInsert = 200;

Status insert_rows(Transaction& tx, std::span<const PurgeRecord> records) {
  std::string sql = "INSERT INTO purge_log (seq, kind, domain, purge_key, hard, issued_at) VALUES ";
  std::vector<Value> parameters;
  std::string_view comma;
  for (const PurgeRecord& record : records) {
    sql += comma;
    sql += "(?, ?, ?, ?, ?, ?)";
    comma = ", ";
    for (Value value : {Value(record.seq), Value(static_cast<std::uint64_t>(record.kind)), Value(record.domain),
                        Value(record.key), Value(record.hard), Value(record.issued_at)}) {
      parameters.push_back(std::move(value));
    }
  }
  YZ_CHECK(tx.execute(sql, parameters));
  return {};
}

}  // namespace

Result<std::vector<PurgeRecord>> PurgeLog::append(std::vector<PurgeRecord> records) {
  if (records.empty()) return records;
  YZ_TRY(const auto last, take_numbers(tx_, "purge", records.size()));
  std::uint64_t seq = last - records.size();
  for (PurgeRecord& record : records) record.seq = PurgeSeq{++seq};
  for (std::span<const PurgeRecord> rest = records; !rest.empty();) {
    const std::size_t size = std::min(rest.size(), kRowsPerInsert);
    YZ_CHECK(insert_rows(tx_, rest.first(size)));
    rest = rest.subspan(size);
  }
  return records;
}

Result<PurgeSeq> PurgeLog::head() {
  YZ_TRY(const auto number, last_number(tx_, "purge"));
  return PurgeSeq{number};
}

Result<PurgeSeq> PurgeLog::oldest() {
  YZ_TRY(const auto row, tx_.query_one("SELECT MIN(seq) FROM purge_log", 1));
  if (row && !row->is_null(0)) return row->id<PurgeSeq>(0);
  YZ_TRY(const PurgeSeq last, head());
  return PurgeSeq{last.value + 1};
}

Result<std::vector<PurgeRecord>> PurgeLog::since(PurgeSeq after, std::size_t limit) {
  YZ_TRY(const Rows rows, tx_.query(fmt::format("SELECT seq, kind, domain, purge_key, hard, issued_at FROM purge_log "
                                                "WHERE seq > ? ORDER BY seq LIMIT {}",
                                                limit),
                                    6, {after}));
  std::vector<PurgeRecord> records;
  records.reserve(rows.size());
  for (const Row& row : rows) {
    records.push_back({.seq = row.id<PurgeSeq>(0),
                       .kind = static_cast<model::PurgeKind>(row.u64(1)),
                       .domain = row.id<model::DomainId>(2),
                       .key = row.text(3),
                       .hard = row.boolean(4),
                       .issued_at = row.time(5)});
  }
  return records;
}

Result<std::uint64_t> PurgeLog::drop_before(WallTime before) {
  // Clocks may have jumped: the log is cut before its first record that stays, never inside.
  YZ_TRY(const auto keep, tx_.query_one("SELECT MIN(seq) FROM purge_log WHERE issued_at >= ?", 1, {before}));
  if (keep && !keep->is_null(0)) return tx_.execute("DELETE FROM purge_log WHERE seq < ?", {keep->u64(0)});
  return tx_.execute("DELETE FROM purge_log");
}

}  // namespace yz::store
