#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "control/node_hub.h"
#include "io/blocking_pool.h"
#include "model/purge.h"
#include "store/database.h"

namespace yz::control {

/// Brings every purge record to every node, in order and without gaps: new ones are pushed to all sessions at once; a
/// node that was away, or that fell behind, gets what it lacks from memory or from the purge log, or is told to
/// revalidate everything when the log no longer reaches back. Belongs to the reactor's thread.
class PurgeFeed final : public NodeObserver {
 public:
  PurgeFeed(io::Reactor& reactor, NodeHub& hub, store::Database& database, io::BlockingPool& pool);

  /// The last number in the log at the start.
  void set_head(model::PurgeSeq head);
  [[nodiscard]] model::PurgeSeq head() const { return head_; }
  /// New records, ascending. Known ones are skipped; after a gap the log is read.
  void push(std::vector<model::PurgeRecord> records);

  void on_attached(NodePeer& peer, const rpc::Hello& hello) override;
  void on_behind(NodePeer& peer, const rpc::Behind& behind) override;

 private:
  struct Chunk {
    std::vector<model::PurgeRecord> records;
    model::PurgeSeq oldest;  // still in the log
    model::PurgeSeq head;
  };
  void accept(std::vector<model::PurgeRecord> records);
  void start_catching_up(NodePeer& peer, model::PurgeSeq applied);
  io::Task<void> catch_up(model::NodeId id, rpc::NodeSessionPtr session);
  io::Task<void> close_gap();
  [[nodiscard]] NodePeer* still(model::NodeId id, const rpc::NodeSessionPtr& session);
  [[nodiscard]] std::vector<model::PurgeRecord> from_memory(model::PurgeSeq after) const;
  [[nodiscard]] static Result<Chunk> read_log(store::Database& database, model::PurgeSeq after);

  io::Reactor& reactor_;
  NodeHub& hub_;
  store::Database& database_;
  io::BlockingPool& pool_;
  model::PurgeSeq head_;
  std::deque<model::PurgeRecord> recent_;  // contiguous, ends at head_
  bool is_closing_gap_ = false;
  io::TaskScope scope_;
};

}  // namespace yz::control
