#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "model/config_snapshot.h"
#include "model/validate.h"
#include "store/transaction.h"

namespace yz::control {

/// The newest committed configuration, in memory: what changes are validated against, what is published, what explain
/// looks at. The database is the truth; this follows its config_log. Any thread may call.
class ConfigState final {
 public:
  /// Called after each commit that made a newer snapshot current, on the committing thread.
  using Listener = std::function<void(model::SnapshotPtr)>;

  ConfigState();

  /// Never null; the empty configuration before load().
  [[nodiscard]] model::SnapshotPtr current() const;
  /// Set once, before threads start.
  void set_listener(Listener listener) { listener_ = std::move(listener); }

  /// The snapshot this transaction sees: the current one and what was logged since, its own changes included. O(kinds'
  /// sizes), no copy of resources. Does not become current by itself.
  [[nodiscard]] Result<model::SnapshotPtr> as_of(store::Transaction& tx) const;
  /// Makes `snapshot` current unless a newer one is; to be called after its transaction has committed.
  void advance(const model::SnapshotPtr& snapshot);

 private:
  mutable std::mutex mutex_;
  model::SnapshotPtr current_;  // guarded by mutex_
  Listener listener_;
};

/// The problems a change of `changed` brings, as validate_change() finds them; pointers into the changed resource
/// itself are made relative to it, as the caller's body has them.
[[nodiscard]] model::Problems find_problems(const model::ConfigSnapshot& after,
                                            const std::vector<model::ResourceKey>& changed);

/// The same for putting `resource` into `config`: says where, when the database only says that something is wrong.
[[nodiscard]] model::Problems problems_of_putting(const model::ConfigSnapshot& config, const model::Resource& resource);

}  // namespace yz::control
