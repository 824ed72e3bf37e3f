#pragma once

#include <map>
#include <string>

#include "control/task_board.h"

namespace yz::control {

/// Hands prefetch tasks to the nodes they are for and takes their results; a node that comes back before it has
/// finished gets the task again. Belongs to the reactor's thread.
class Prefetcher final : public NodeObserver {
 public:
  Prefetcher(NodeHub& hub, TaskBoard& board, const Clock& clock) : hub_(hub), board_(board), clock_(clock) {}

  /// Sends a task that the board has to all its connected nodes.
  void start(model::TaskId id);
  /// Forgets what is under way: another instance leads.
  void clear() { tallies_.clear(); }

  void on_attached(NodePeer& peer, const rpc::Hello& hello) override;
  void on_prefetch_result(NodePeer& peer, const rpc::PrefetchResult& result) override;

 private:
  struct Tally {
    std::uint32_t done = 0;
    std::uint32_t failed = 0;
    std::string first_failure;
  };
  void send(NodePeer& peer, const model::Task& task);

  NodeHub& hub_;
  TaskBoard& board_;
  const Clock& clock_;
  std::map<std::pair<model::TaskId, model::NodeId>, Tally> tallies_;  // of parts under way
};

}  // namespace yz::control
