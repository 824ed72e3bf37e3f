#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "control/node_hub.h"
#include "io/blocking_pool.h"
#include "io/waiters.h"
#include "metrics/registry.h"
#include "model/task.h"
#include "store/database.h"
#include "store/task_store.h"

namespace yz::control {

/// Refresh and prefetch tasks as they go: takes acknowledgements, says at once how far a task is, and writes the
/// progress to the database behind that, many acknowledgements a transaction. What was lost with a crash is learnt
/// again from the nodes, which say on return what they have applied. Belongs to the reactor's thread.
class TaskBoard final : public NodeObserver {
 public:
  /// A task with what is not stored: whom it waits for.
  struct Live {
    model::Task task;
    std::set<model::NodeId>
        awaited;           ///< connected when it was made; of a refresh, one that goes away is not waited for any more
    std::size_t open = 0;  ///< parts that are not final
    std::uint64_t changes = 0;  ///< counts; for watchers
  };

  TaskBoard(io::Reactor& reactor, NodeHub& hub, store::Database& database, io::BlockingPool& pool, const Clock& clock,
            metrics::Registry& metrics);

  /// A task that was just stored, or that was unfinished at the start; the nodes it waits for are those connected now.
  /// At a start nobody is connected yet: `wait_for_all` waits for every node that is not done. One it has stays as it
  /// is.
  void add(model::Task task, bool wait_for_all = false);
  /// A task that another instance stored, for all nodes, for it does not know who is there: those that are not are not
  /// waited for, unless `wait_for_all`.
  void adopt(model::Task task, bool wait_for_all);
  /// Forgets all tasks: another instance leads them on from the database. What is to be written is written.
  void clear();
  /// Unfinished, or finished not long ago; null otherwise. Until the next turn.
  [[nodiscard]] const Live* find(model::TaskId id) const;
  /// Notified when any task changed.
  [[nodiscard]] io::Waiters& changed() { return changed_; }
  /// A node's result of a prefetch.
  void record(model::TaskId id, model::NodeProgress progress);
  /// Ends the waiting for nodes that are away still, for tasks older than `age`. A refresh they apply on return; of a
  /// prefetch their part has failed.
  void stop_waiting_for_absent(std::chrono::milliseconds age);

  void on_detached(NodePeer& peer) override;
  void on_purge_applied(NodePeer& peer) override;
  void on_attached(NodePeer& peer, const rpc::Hello& hello) override;
  void on_forgotten() override { counted_.clear(); }

 private:
  bool mark_done(Live& live, model::NodeId node, WallTime now);
  void note_applied(NodePeer& peer, model::PurgeSeq before);
  void settle(Live& live, WallTime now);
  void forget_old();
  void fail_gone(Live& live, WallTime since, WallTime now);
  void write_soon();
  struct Writes;
  io::Task<void> write();
  [[nodiscard]] static Status store(store::Transaction& tx, const Writes& writes, WallTime now);

  io::Reactor& reactor_;
  NodeHub& hub_;
  store::Database& database_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  std::map<model::TaskId, Live> tasks_;
  std::set<model::TaskId> unfinished_;
  // Refreshes that some node, awaited or not, has not applied, by their last record.
  std::map<model::PurgeSeq, model::TaskId> owed_;
  std::map<model::NodeId, model::PurgeSeq> counted_;  // what on_purge_applied has seen of each connected node
  std::set<model::NodeId> stragglers_;                // have open parts in tasks that are forgotten here
  struct Applied {
    model::PurgeSeq seq;
    WallTime at;
  };
  // To be written: parts of tasks known here; of nodes that came back or lag, whatever the database finds.
  std::map<model::TaskId, std::vector<store::TaskStore::Done>> done_;
  std::map<model::NodeId, Applied> applied_;
  struct Part {
    model::TaskId task;
    model::NodeProgress progress;
  };
  std::vector<Part> parts_;
  bool is_writing_ = false;
  metrics::Histogram refresh_time_;
  metrics::Counter finished_;
  io::Waiters changed_;
  io::TaskScope scope_;
};

/// How a node's part of a task is shown.
enum class PartState : std::uint8_t { kWaiting, kDone, kFailed, kAway };
[[nodiscard]] PartState part_state(const model::Task& task, const model::NodeProgress& part, const NodeHub& hub);

}  // namespace yz::control
