#pragma once

#include "base/clock.h"
#include "control/config_state.h"
#include "io/blocking_pool.h"
#include "metrics/registry.h"
#include "model/usage.h"
#include "rpc/node_server.h"
#include "store/database.h"

namespace yz::control {

/// Stores what nodes counted, exactly once, and acknowledges only what is committed: a batch that is not acknowledged
/// comes again, one that is stored already is acknowledged again. Any thread; the work is done on the pool.
class UsageIngest final {
 public:
  UsageIngest(store::Database& database, const ConfigState& state, io::BlockingPool& pool, const Clock& clock,
              metrics::Registry& metrics);

  void take(const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment);

 private:
  void store(const rpc::NodeSessionPtr& session, const rpc::UsageShipment& shipment);

  [[nodiscard]] Result<bool> ingest(const model::UsageBatch& batch);

  store::Database& database_;
  const ConfigState& state_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  metrics::Counter batches_;
  metrics::Counter repeated_;
  metrics::Counter refused_;
};

}  // namespace yz::control
