#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/prefetch/origin_pace.h"
#include "control/prefetch/prefetch_run.h"
#include "control/task_board.h"

namespace yz::control {

/// Hands the URLs of prefetch tasks to the nodes they are for and takes their results. Each domain's URLs go out at the
/// pace its origin is to be asked at (Domain::prefetch_rate), to all nodes at once, so that the second tier makes one
/// request of them; tasks of one domain take turns. Of a task that also refreshes nothing goes out before the nodes
/// have forgotten. One node, the scout, reads manifests; what they lead to joins the task. A node that comes back gets
/// what it still owes. Belongs to the reactor's thread.
class Prefetcher final : public NodeObserver {
 public:
  Prefetcher(io::Reactor& reactor, NodeHub& hub, TaskBoard& board, const ConfigState& state, const Clock& clock)
      : reactor_(reactor), hub_(hub), board_(board), state_(state), clock_(clock) {}

  /// Begins a task that the board has.
  void start(model::TaskId id);
  /// Forgets what is under way: another instance leads.
  void clear();

  void on_attached(NodePeer& peer, const rpc::Hello& hello) override;
  void on_detached(NodePeer& peer) override;
  void on_purge_applied(NodePeer& peer) override;
  void on_prefetch_result(NodePeer& peer, const rpc::PrefetchResult& result) override;

 private:
  struct Entry {
    PrefetchRun run;
    model::PurgeSeq forgotten;       // what a node must have applied before it loads; zero: nothing
    MonoTime gate_until;             // all nodes are waited for as long
    bool is_gated = false;           // nothing of it is in a lane yet
    std::set<model::NodeId> behind;  // were not sent what is theirs: they have not applied that
    std::uint32_t cost = 1;          // requests that a URL costs its origin
    MonoTime cost_until;             // when that is to be counted anew
  };
  /// A domain's URLs that wait for their turn.
  struct Lane {
    OriginPace pace;
    std::deque<std::pair<model::TaskId, std::deque<std::size_t>>> waiting;
  };
  using Entries = std::map<model::TaskId, Entry>;

  void go_on();
  io::Task<void> keep_going();
  void step();
  void drop_ended();
  Entries::iterator drop(Entries::iterator it);
  void open_gates(MonoTime now);
  [[nodiscard]] bool all_have_forgotten(model::PurgeSeq seq);
  void enqueue(model::TaskId id, const Entry& entry, std::size_t index);
  [[nodiscard]] Lane& lane_of(model::DomainId domain);
  void release(Lane& lane, std::map<model::TaskId, std::vector<std::size_t>>& out);
  [[nodiscard]] std::uint32_t cost_of(Entry& entry);
  void send(NodePeer& peer, model::TaskId id, Entry& entry, const std::vector<std::size_t>& indices);
  void choose_scout(model::TaskId id, Entry& entry);
  void add_links(model::TaskId id, Entry& entry, const rpc::PrefetchResult& result);
  void report(model::TaskId id, Entry& entry, model::NodeId node);

  io::Reactor& reactor_;
  NodeHub& hub_;
  TaskBoard& board_;
  const ConfigState& state_;
  const Clock& clock_;
  Entries entries_;
  std::map<model::DomainId, Lane> lanes_;
  bool is_going_ = false;
  io::TaskScope scope_;
};

}  // namespace yz::control
