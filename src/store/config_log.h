#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/config_snapshot.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// One configuration change: what a resource became, or that it went.
struct ConfigRecord {
  model::ConfigSeq seq;
  WallTime at;
  std::string actor;
  model::ResourceKey key;
  std::string name;                         ///< of the resource, for people
  std::optional<model::Resource> resource;  ///< none: removed
};

/// The numbered history of the configuration: contiguous from 1, never changed, the source of snapshots and deltas.
/// Records are written by the resource stores.
class ConfigLog final {
 public:
  explicit ConfigLog(Transaction& tx) : tx_(tx) {}

  /// The number of the last change; 0 before the first.
  Result<model::ConfigSeq> head();
  /// Up to `limit` records after `after`, in order.
  Result<std::vector<ConfigRecord>> since(model::ConfigSeq after, std::size_t limit);
  /// Up to `limit` records before `before` (0: the end), newest first: the list of versions.
  Result<std::vector<ConfigRecord>> latest(std::size_t limit, model::ConfigSeq before = {});
  /// The record with this number. Fails with kNotFound.
  Result<ConfigRecord> at(model::ConfigSeq seq);
  /// The state of one resource after change `seq`; none when it did not exist.
  Result<std::optional<ConfigRecord>> state_of(const model::ResourceKey& key, model::ConfigSeq seq);

  /// The whole configuration now. In Database::read it is consistent with `head()`.
  Result<model::ConfigSnapshot> snapshot();
  /// The whole configuration as it was after change `seq`. Fails with kNotFound when `seq` lies ahead.
  Result<model::ConfigSnapshot> snapshot_at(model::ConfigSeq seq);

  /// Brings every resource (or just `only`) back to its state after change `to`, as new changes (nothing is erased from
  /// the log): one number for each resource that differs. The changes made, in order; empty when nothing differed.
  /// Fails with kNotFound when `to` lies ahead, kConflict when a reference cannot be restored (its tenant is gone).
  Result<std::vector<ConfigRecord>> roll_back(const Author& author, model::ConfigSeq to,
                                              std::optional<model::ResourceKey> only = {});

 private:
  Transaction& tx_;
};

}  // namespace yz::store
