#include "control/usage_ingest.h"

#include <utility>

#include "base/log.h"
#include "model/codec.h"
#include "store/billing_store.h"
#include "store/statistics_store.h"
#include "store/usage_store.h"

namespace yz::control {

UsageIngest::UsageIngest(store::Database& database, const ConfigState& state, io::BlockingPool& pool,
                         const Clock& clock, metrics::Registry& metrics)
    : database_(database), state_(state), pool_(pool), clock_(clock) {
  batches_ = metrics.counter("yz_control_usage_batches_total", "Usage batches stored.");
  repeated_ = metrics.counter("yz_control_usage_repeated_total", "Usage batches that were stored before.");
  refused_ = metrics.counter("yz_control_usage_refused_total", "Usage batches that could not be read.");
}

void UsageIngest::take(const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment) {
  // A full queue drops it unacknowledged: the node sends it again.
  (void)pool_.submit([this, session, shipment = std::move(shipment)] { store(session, shipment); });
}

void UsageIngest::store(const rpc::NodeSessionPtr& session, const rpc::UsageShipment& shipment) {
  auto batch = shipment.batch ? model::decode_usage_batch(*shipment.batch) : fail(Code::kCorrupt, "there are no bytes");
  if (batch && (batch->epoch != shipment.epoch || batch->number != shipment.number)) {
    batch = fail(Code::kCorrupt, "the batch is another one than announced");
  }
  if (!batch) {
    refused_.add();
    log::error("usage batch {}-{} of node {} is refused: {}", shipment.epoch, shipment.number, session->node().value,
               batch.error().message);
    return;
  }
  batch->node = session->node();  // whatever the file says: the certificate counts
  auto is_new = ingest(*batch);
  if (!is_new) {
    log::warn("usage batch {}-{} of node {} could not be stored: {}", shipment.epoch, shipment.number,
              session->node().value, is_new.error().message);
    return;
  }
  (*is_new ? batches_ : repeated_).add();
  session->send(rpc::UsageAck{shipment.epoch, shipment.number});
}

Result<bool> UsageIngest::ingest(const model::UsageBatch& batch) {
  const model::SnapshotPtr config = state_.current();
  const model::Node* node = config->nodes.find(batch.node);
  const model::NodeGroup* group = node == nullptr ? nullptr : config->node_groups.find(node->group);
  const store::UsageOrigin origin{.node = batch.node,
                                  .group = group == nullptr ? model::NodeGroupId{} : group->id,
                                  .country = group == nullptr ? std::string() : group->place.country};
  return database_.write([&](store::Transaction& tx) -> Result<bool> {
    YZ_TRY(const bool is_new, store::UsageStore(tx).ingest(batch, clock_.wall()));
    if (!is_new) return false;
    YZ_TRY(const store::UsageOwners owners, store::StatisticsStore(tx).owners(batch.records));
    YZ_CHECK(store::StatisticsStore(tx).add(batch, origin, owners));
    YZ_CHECK(store::BillingStore(tx).count(batch, origin, owners));
    return true;
  });
}

}  // namespace yz::control
