#pragma once

#include <memory>

#include "bus/bus.h"
#include "control/config_state.h"
#include "control/prefetch/prefetcher.h"
#include "control/purge_feed.h"
#include "control/task_board.h"
#include "io/blocking_pool.h"
#include "io/scope.h"
#include "io/waiters.h"
#include "store/database.h"

namespace yz::control {

/// Hears of what other instances committed: changes, purge records, and, for the one that leads, tasks. The bus says
/// so at once; without it the database is looked at twice a second, so that a lost bus costs time and nothing else.
/// Belongs to the reactor's thread.
class Follower final {
 public:
  /// Purge records as they are committed, and, where other processes take part, that something else is new.
  static constexpr std::string_view kPurgeTopic = "purge";
  static constexpr std::string_view kNewsTopic = "news";

  struct Parts {
    io::Reactor& reactor;
    io::BlockingPool& pool;
    store::Database& database;
    bus::Bus& bus;
    ConfigState& state;
    NodeHub& hub;
    PurgeFeed& feed;
    TaskBoard& board;
    Prefetcher& prefetcher;
  };
  Follower(Parts parts, std::chrono::milliseconds every) : parts_(parts), every_(every) {}

  /// Fails when a bus of this process alone cannot be read; one that is shared is tried again until it answers.
  [[nodiscard]] Status start();
  /// Ends the subscriptions. Blocks.
  void stop();
  /// A configuration became current here: others are told, when it was committed here.
  void announce(model::ConfigSeq seq);
  /// Nodes may still be on their way to this instance: tasks found now wait for all of them until stop_patience().
  void begin_patience() { is_patient_ = true; }
  void end_patience() { is_patient_ = false; }

 private:
  struct Found {
    model::SnapshotPtr config;
    std::vector<model::PurgeRecord> records;
    std::vector<model::TaskId> tasks;
  };
  [[nodiscard]] Status subscribe();
  io::Task<void> keep_subscribing();
  io::Task<void> follow();
  [[nodiscard]] Result<Found> look(model::PurgeSeq known) const;
  io::Task<void> adopt(std::vector<model::TaskId> ids);

  const Parts parts_;
  const std::chrono::milliseconds every_;
  std::unique_ptr<bus::Subscription> purges_;
  std::unique_ptr<bus::Subscription> news_;
  io::Waiters woken_;
  model::ConfigSeq followed_;  // what others committed, as far as it was read here
  bool is_failing_ = false;
  bool is_patient_ = false;
  io::TaskScope scope_;
};

}  // namespace yz::control
