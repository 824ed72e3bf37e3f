#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/task.h"
#include "store/stored.h"
#include "store/transaction.h"

namespace yz::store {

/// A node a new task is for. Targets are frozen when the task is made.
struct TaskNode {
  model::NodeId node;
  bool awaited = true;  ///< false: away when the task was made; it will catch up, the task does not wait for it
};

struct TaskFilter {
  std::optional<model::TenantId> tenant;
  std::optional<model::TaskKind> kind;
  std::optional<model::TaskState> state;
};

/// Refresh and prefetch tasks with their targets and each node's progress. A task is complete when all awaited nodes
/// are; partial when it is over and some failed or were given up; failed when no awaited node did it. A task that waits
/// for no node is complete at once.
class TaskStore final {
 public:
  explicit TaskStore(Transaction& tx) : tx_(tx) {}

  /// Stores a new task (`id`, `state` and `nodes` are set here) with its audit entry. For a refresh, first append its
  /// records to the PurgeLog in the same transaction and set `first_seq` and `last_seq`.
  Result<model::Task> create(const Author& author, model::Task task, const std::vector<TaskNode>& nodes);
  /// With targets and nodes. Fails with kNotFound.
  Result<model::Task> get(model::TaskId id);
  /// The nodes that were away when the task was made and have not caught up yet.
  Result<std::vector<model::NodeId>> away(model::TaskId id);
  /// Newest first, with targets and nodes; `page.after` is the last id seen (0: from the newest).
  Result<Listing<model::Task>> list(const TaskFilter& filter, Page page);
  /// Tasks of a kind that are not final, oldest first, with targets and nodes: what a master resumes after a restart.
  Result<std::vector<model::Task>> unfinished(model::TaskKind kind, std::size_t limit = 1000);

  /// The ids of those of every kind, oldest first.
  Result<std::vector<model::TaskId>> unfinished_ids(std::size_t limit = 1000);

  /// At least one node was told: a pending task is running.
  Status start(model::TaskId id);
  /// The node has applied every purge up to `applied`: its part of each unfinished refresh up to there is done.
  /// The tasks whose progress changed.
  Result<std::vector<model::TaskId>> record_applied(model::NodeId node, model::PurgeSeq applied, WallTime now);
  /// Nodes have done all of a refresh, each at its time; a part that is final stays as it is. The task's state after
  /// it.
  struct Done {
    model::NodeId node;
    WallTime at;
  };
  Result<model::TaskState> record_done(model::TaskId id, const std::vector<Done>& nodes, WallTime now);
  /// A node's report on its part of a task; a part that is final stays as it is. The task's state after it.
  Result<model::TaskState> record_progress(model::TaskId id, const model::NodeProgress& progress);
  /// The node went away before it had done its part: the task waits for it no longer; it will catch up on return. The
  /// task's state after it.
  Result<model::TaskState> stop_awaiting(model::TaskId id, model::NodeId node, WallTime now);
  /// Ends tasks that are unfinished and of which nothing was heard since: nodes still out are failed with `reason`.
  Result<std::vector<model::TaskId>> give_up(WallTime silent_since, std::string_view reason, WallTime now);
  /// Removes final tasks older than `created_before`. How many.
  Result<std::uint64_t> drop_before(WallTime created_before);

 private:
  Transaction& tx_;
};

}  // namespace yz::store
