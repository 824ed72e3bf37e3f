#include "store/config_log.h"

#include <fmt/format.h>

#include "store/resource_rows.h"
#include "store/sequence.h"

namespace yz::store {

using model::ConfigSeq;

namespace {

constexpr std::string_view kColumns = "seq, at, actor, kind, id, name, body";
constexpr std::size_t kColumnCount = 7;

Result<ConfigRecord> read_record(const Transaction& tx, const Row& row) {
  ConfigRecord record{.seq = row.id<ConfigSeq>(0),
                      .at = row.time(1),
                      .actor = row.text(2),
                      .key = {static_cast<model::ResourceKind>(row.u64(3)), row.u64(4)},
                      .name = row.text(5),
                      .resource = std::nullopt};
  if (!row.is_null(6)) {
    YZ_TRY(record.resource, from_body(tx, row.text(6)));
  }
  return record;
}

Result<std::vector<ConfigRecord>> read_records(const Transaction& tx, const Rows& rows) {
  std::vector<ConfigRecord> records;
  records.reserve(rows.size());
  for (const Row& row : rows) {
    YZ_TRY(ConfigRecord record, read_record(tx, row));
    records.push_back(std::move(record));
  }
  return records;
}

tl::unexpected<Error> no_such_version(ConfigSeq seq) {
  return fail(Code::kNotFound, fmt::format("there is no configuration version {}", seq.value), Fault::kClient);
}

}  // namespace

Result<ConfigSeq> ConfigLog::head() {
  YZ_TRY(const auto number, last_number(tx_, "config"));
  return ConfigSeq{number};
}

Result<std::vector<ConfigRecord>> ConfigLog::since(ConfigSeq after, std::size_t limit) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT {} FROM config_log WHERE seq > ? ORDER BY seq LIMIT {}", kColumns, limit),
                   kColumnCount, {after}));
  return read_records(tx_, rows);
}

Result<std::vector<ConfigRecord>> ConfigLog::latest(std::size_t limit, ConfigSeq before) {
  const Value bound = before ? Value(before) : Value(INT64_MAX);
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT {} FROM config_log WHERE seq < ? ORDER BY seq DESC LIMIT {}", kColumns, limit),
                   kColumnCount, {bound}));
  return read_records(tx_, rows);
}

Result<ConfigRecord> ConfigLog::at(ConfigSeq seq) {
  YZ_TRY(const auto row,
         tx_.query_one(fmt::format("SELECT {} FROM config_log WHERE seq = ?", kColumns), kColumnCount, {seq}));
  if (!row) return no_such_version(seq);
  return read_record(tx_, *row);
}

Result<std::optional<ConfigRecord>> ConfigLog::state_of(const model::ResourceKey& key, ConfigSeq seq) {
  YZ_TRY(const auto row, tx_.query_one(fmt::format("SELECT {} FROM config_log WHERE kind = ? AND id = ? AND seq <= ? "
                                                   "ORDER BY seq DESC LIMIT 1",
                                                   kColumns),
                                       kColumnCount, {static_cast<std::uint64_t>(key.kind), key.id, seq}));
  if (!row || row->is_null(6)) return std::nullopt;
  YZ_TRY(ConfigRecord record, read_record(tx_, *row));
  return record;
}

Result<model::ConfigSnapshot> ConfigLog::snapshot() {
  YZ_TRY(const ConfigSeq now, head());
  YZ_TRY(const Rows rows, tx_.query("SELECT seq, body FROM resource", 2));
  model::ConfigSnapshot snapshot;
  for (const Row& row : rows) {
    YZ_TRY(model::Resource resource, from_body(tx_, row.text(1)));
    snapshot.put(std::move(resource), row.id<ConfigSeq>(0));
  }
  snapshot.seq = now;
  return snapshot;
}

Result<model::ConfigSnapshot> ConfigLog::snapshot_at(ConfigSeq seq) {
  YZ_TRY(const ConfigSeq now, head());
  if (seq > now) return no_such_version(seq);
  YZ_TRY(const Rows rows,
         tx_.query("SELECT l.seq, l.body FROM config_log l "
                   "JOIN (SELECT MAX(seq) AS last FROM config_log WHERE seq <= ? GROUP BY kind, id) newest "
                   "ON l.seq = newest.last WHERE l.body IS NOT NULL ORDER BY l.seq",
                   2, {seq}));
  model::ConfigSnapshot snapshot;
  for (const Row& row : rows) {
    YZ_TRY(model::Resource resource, from_body(tx_, row.text(1)));
    snapshot.put(std::move(resource), row.id<ConfigSeq>(0));
  }
  snapshot.seq = seq;
  return snapshot;
}

}  // namespace yz::store
