// ConfigLog::roll_back: the past state as new changes. Names, hosts and references of everything that changes are set
// aside first, so that resources may swap them and come back in any order.

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "store/audit_log.h"
#include "store/config_log.h"
#include "store/resource_rows.h"
#include "store/sequence.h"

namespace yz::store {

using model::ConfigSeq;
using model::Resource;
using model::ResourceKey;

namespace {

struct Change {
  ResourceKey key;
  std::optional<ResourceRow> now;
  std::optional<Resource> past;
  std::uint64_t last_version = 0;
};

/// Equal but for the version, which only grows.
bool same_content(Resource a, Resource b) {
  for (Resource* resource : {&a, &b}) {
    if (auto* domain = std::get_if<model::Domain>(resource)) domain->version = 0;
  }
  return a == b;
}

Result<std::vector<Change>> find_changes(Transaction& tx, ConfigSeq to, const std::optional<ResourceKey>& only) {
  YZ_TRY(const Rows rows, tx.query("SELECT kind, id, MAX(version) FROM config_log WHERE seq > ? AND kind NOT IN (?, ?) "
                                   "GROUP BY kind, id ORDER BY kind, id",
                                   3,
                                   {to, static_cast<std::uint64_t>(model::ResourceKind::kChallenge),
                                    static_cast<std::uint64_t>(model::ResourceKind::kSuspension)}));
  std::vector<Change> changes;
  for (const Row& row : rows) {
    Change change{.key = {static_cast<model::ResourceKind>(row.u64(0)), row.u64(1)},
                  .now = std::nullopt,
                  .past = std::nullopt,
                  .last_version = row.u64(2)};
    if (only && *only != change.key) continue;
    YZ_TRY(change.now, find_resource(tx, change.key));
    YZ_TRY(auto past, ConfigLog(tx).state_of(change.key, to));
    if (past) change.past = std::move(past->resource);
    if (!change.now && !change.past) continue;
    if (change.now && change.past && same_content(change.now->value, *change.past)) continue;
    changes.push_back(std::move(change));
  }
  // What others name is restored before them (domains name all other kinds), and removals come last.
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
    const auto rank = [](const Change& c) {
      return std::tuple(!c.past.has_value(), c.key.kind == model::ResourceKind::kDomain, c.key);
    };
    return rank(a) < rank(b);
  });
  return changes;
}

Status set_aside(Transaction& tx, const Change& change) {
  if (!change.now) return {};
  YZ_CHECK(remove_links(tx, change.key));
  YZ_CHECK(tx.execute(
      "UPDATE resource SET name = ? WHERE kind = ? AND id = ?",
      {fmt::format("~{}", model::to_string(change.key)), static_cast<std::uint64_t>(change.key.kind), change.key.id}));
  return {};
}

Result<ConfigRecord> restore(Transaction& tx, const Author& author, Change& change, ConfigSeq seq) {
  const std::uint64_t version = change.last_version + 1;
  const std::string name = name_of(change.past ? *change.past : change.now->value);
  if (change.past) {
    ResourceRow row{.value = *change.past,
                    .version = version,
                    .seq = seq,
                    .created = change.now ? change.now->created : author.at,
                    .updated = author.at};
    YZ_CHECK(write_row(tx, row, !change.now));
    change.past = std::move(row.value);
  }
  const Resource* after = change.past ? &*change.past : nullptr;
  YZ_CHECK(write_log(tx, author, change.key, name, seq, version, after));
  YZ_CHECK(write_audit(tx, author, "roll_back", change.now ? &change.now->value : nullptr, after));
  return ConfigRecord{seq, author.at, author.actor, change.key, name, change.past};
}

}  // namespace

Result<std::vector<ConfigRecord>> ConfigLog::roll_back(const Author& author, ConfigSeq to,
                                                       std::optional<ResourceKey> only) {
  // Locks out other writers before anything is read.
  YZ_TRY(const auto locked, lock_numbers(tx_, "config"));
  const ConfigSeq before{locked};
  if (to > before) {
    return fail(Code::kNotFound, fmt::format("there is no configuration version {}", to.value), Fault::kClient);
  }
  YZ_TRY(auto changes, find_changes(tx_, to, only));
  std::vector<ConfigRecord> records;
  if (changes.empty()) return records;
  YZ_CHECK(take_numbers(tx_, "config", changes.size()));
  for (const Change& change : changes) YZ_CHECK(set_aside(tx_, change));
  ConfigSeq seq = before;
  for (Change& change : changes) {
    ++seq.value;
    YZ_TRY(ConfigRecord record, restore(tx_, author, change, seq));
    records.push_back(std::move(record));
  }
  for (const Change& change : changes) {
    if (change.past) YZ_CHECK(write_links(tx_, *change.past));
  }
  for (const Change& change : changes) {
    if (!change.past) YZ_CHECK(remove_row(tx_, change.key));
  }
  return records;
}

}  // namespace yz::store
