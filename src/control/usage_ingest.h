#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "control/config_state.h"
#include "metrics/registry.h"
#include "model/usage.h"
#include "rpc/node_server.h"
#include "store/statistics_store.h"

namespace yz::store {
class Database;
}

namespace yz::control {

/// Stores what nodes counted, exactly once, and acknowledges only what is committed; one that is stored already is
/// acknowledged again. Batches that come together are summed and stored together: what a transaction writes grows with
/// the sums, hardly with the nodes. The more there is to write the longer batches are gathered, so that the database
/// stays free for others most of the time; never so long that figures are seconds old. What cannot be stored for now is
/// kept and tried again. `take` on any thread; one thread of its own stores.
class UsageIngest final {
 public:
  /// Told of batches that were new once they are stored, on the storing thread.
  using Listener = std::function<void(std::span<const store::CountedBatch>, const store::UsageOwners&)>;

  UsageIngest(store::Database& database, const ConfigState& state, const Clock& clock, metrics::Registry& metrics,
              Listener listener = {});
  ~UsageIngest();

  /// Drops the batch, unacknowledged, when too much waits: the node sends it again.
  void take(const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment);
  /// Ends after what is being stored; what waits stays with the nodes. Idempotent.
  void stop();

 private:
  struct Waiting {
    rpc::NodeSessionPtr session;  ///< whom to answer
    rpc::UsageShipment shipment;
    model::UsageBatch batch;  ///< once read

    [[nodiscard]] std::size_t size() const { return shipment.batch ? shipment.batch->size() : 0; }
  };

  void run();
  [[nodiscard]] Status store_all(std::vector<Waiting>& all);
  [[nodiscard]] bool read(Waiting& waiting);
  [[nodiscard]] Status store(const std::vector<Waiting>& group);
  void store_one_by_one(std::vector<Waiting> group);
  [[nodiscard]] Result<std::size_t> ingest(const std::vector<Waiting>& group);
  [[nodiscard]] store::UsageOrigin origin_of(const model::ConfigSnapshot& config, model::NodeId node) const;
  void rest(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time);

  store::Database& database_;
  const ConfigState& state_;
  const Clock& clock_;
  const Listener listener_;
  metrics::Counter batches_;
  metrics::Counter repeated_;
  metrics::Counter refused_;
  metrics::Histogram store_time_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> queue_;    // guarded by mutex_
  std::size_t queued_bytes_ = 0;  // guarded by mutex_; what is being stored included
  bool is_stopping_ = false;      // guarded by mutex_
  std::thread thread_;            // last: starts when the rest is there
};

}  // namespace yz::control
