#pragma once

#include <deque>
#include <memory>

#include "bus/bus.h"
#include "control/call.h"
#include "control/prefetch/prefetcher.h"
#include "control/purge_feed.h"
#include "control/refresh_targets.h"
#include "control/task_board.h"
#include "store/task_store.h"

namespace yz::control {

/// Takes refresh and prefetch tasks: stores each with its purge records, whose numbers are given inside the same
/// transaction, answers only once that is committed, publishes the records on the bus and puts them before the nodes.
/// What a tenant asks for is taken from its quota there, too (429 when that is used up).
/// Every instance takes them; the one that leads brings them to the nodes. Calls that come while a transaction runs
/// share the next one (group commit). Belongs to the reactor's thread.
class RefreshMaster final {
 public:
  RefreshMaster(io::Reactor& reactor, NodeHub& hub, const ConfigState& state, store::Database& database,
                io::BlockingPool& pool, bus::Bus& bus, PurgeFeed& feed, TaskBoard& board, Prefetcher& prefetcher);

  /// The stored task as the API shows it (202), or why not.
  [[nodiscard]] io::Task<Outcome> submit(Call call, TaskWish wish);

 private:
  struct Order {
    Call call;
    TaskWish wish;
    std::optional<Outcome> outcome;
    std::optional<model::Task> task;  // when this call made one, not when it was a repetition
    io::Event done;
  };
  using OrderPtr = std::shared_ptr<Order>;  // shared: the caller may go away while its transaction runs
  struct Batch {
    std::vector<OrderPtr> orders;
    std::vector<store::TaskNode> refresh_nodes;
    std::vector<store::TaskNode> prefetch_nodes;
    std::vector<model::PurgeRecord> records;  // given their numbers
  };

  io::Task<void> run();
  [[nodiscard]] io::Task<std::optional<model::Task>> made_before(const Reply& reply);
  [[nodiscard]] std::shared_ptr<Batch> take_batch();
  [[nodiscard]] static Status commit(store::Database& database, bus::Bus& bus, Batch& batch);
  [[nodiscard]] static Outcome store_one(store::Transaction& tx, Batch& batch, Order& order);

  io::Reactor& reactor_;
  NodeHub& hub_;
  const ConfigState& state_;
  store::Database& database_;
  io::BlockingPool& pool_;
  bus::Bus& bus_;
  PurgeFeed& feed_;
  TaskBoard& board_;
  Prefetcher& prefetcher_;
  std::deque<OrderPtr> queue_;
  bool is_running_ = false;
  io::TaskScope scope_;
};

}  // namespace yz::control
