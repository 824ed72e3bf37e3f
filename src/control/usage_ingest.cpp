#include "control/usage_ingest.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "model/codec.h"
#include "store/billing_store.h"
#include "store/database.h"
#include "store/usage_store.h"

namespace yz::control {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxGroup = 150;  // batches a transaction: a refresh waits for the database that long at most
constexpr std::size_t kMaxQueuedBytes = 256ULL << 20;
/// Batches are gathered for this long, or for this many times the last transaction, up to the longest.
constexpr auto kShortestRest = 50ms;
constexpr auto kLongestRest = 1'500ms;
constexpr int kRestsATransaction = 3;
constexpr auto kRetry = 200ms;

bool may_pass(const Error& error) { return error.code == Code::kUnavailable || error.code == Code::kTimeout; }

}  // namespace

UsageIngest::UsageIngest(store::Database& database, const ConfigState& state, const Clock& clock,
                         metrics::Registry& metrics, Listener listener)
    : database_(database), state_(state), clock_(clock), listener_(std::move(listener)) {
  batches_ = metrics.counter("yz_control_usage_batches_total", "Usage batches stored.");
  repeated_ = metrics.counter("yz_control_usage_repeated_total", "Usage batches that were stored before.");
  refused_ = metrics.counter("yz_control_usage_refused_total", "Usage batches that could not be read.");
  store_time_ = metrics.histogram("yz_control_usage_store_seconds", "Transactions that store usage batches.",
                                  metrics::Histogram::kMicroseconds);
  thread_ = std::thread([this] { run(); });
}

UsageIngest::~UsageIngest() { stop(); }

void UsageIngest::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void UsageIngest::take(const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment) {
  Waiting waiting{session, std::move(shipment), {}};
  const std::lock_guard lock(mutex_);
  if (is_stopping_ || queued_bytes_ + waiting.size() > kMaxQueuedBytes) return;
  queued_bytes_ += waiting.size();
  queue_.push_back(std::move(waiting));
  if (queue_.size() == 1) changed_.notify_all();
}

void UsageIngest::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) return;
    std::vector<Waiting> all = std::exchange(queue_, {});
    lock.unlock();
    const MonoTime begun = clock_.mono();
    const Status stored = store_all(all);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.mono() - begun);
    lock.lock();
    if (stored) {
      rest(lock, std::clamp<std::chrono::milliseconds>(took * kRestsATransaction, kShortestRest, kLongestRest));
      continue;
    }
    log::warn("usage cannot be stored for now: {}", stored.error().message);
    queue_.insert(queue_.begin(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
    rest(lock, kRetry);
  }
}

/// Leaves in `all` what is to be tried again when that fails.
Status UsageIngest::store_all(std::vector<Waiting>& all) {
  // A node's batches beside each other, so that what they add to is written once.
  std::ranges::sort(all, {}, [](const Waiting& waiting) {
    return std::tuple(waiting.session->node(), waiting.shipment.epoch, waiting.shipment.number);
  });
  while (!all.empty()) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMaxGroup));
    std::vector<Waiting> group(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
    all.erase(all.begin(), end);
    std::size_t bytes = 0;
    for (const Waiting& waiting : group) bytes += waiting.size();
    std::erase_if(group, [this](Waiting& waiting) { return !read(waiting); });
    Status stored = store(group);
    if (!stored && may_pass(stored.error())) {
      all.insert(all.begin(), std::make_move_iterator(group.begin()), std::make_move_iterator(group.end()));
      return stored;
    }
    if (!stored) store_one_by_one(std::move(group));
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
    if (is_stopping_) break;
  }
  return {};
}

/// Sleeps, unless it is to stop.
void UsageIngest::rest(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds time) {
  changed_.wait_for(lock, time, [this] { return is_stopping_; });
}

/// False when it can never be stored.
bool UsageIngest::read(Waiting& waiting) {
  const rpc::UsageShipment& shipment = waiting.shipment;
  auto batch = shipment.batch ? model::decode_usage_batch(*shipment.batch) : fail(Code::kCorrupt, "there are no bytes");
  if (batch && (batch->epoch != shipment.epoch || batch->number != shipment.number)) {
    batch = fail(Code::kCorrupt, "the batch is another one than announced");
  }
  if (!batch) {
    refused_.add();
    log::error("usage batch {}-{} of node {} is refused: {}", shipment.epoch, shipment.number,
               waiting.session->node().value, batch.error().message);
    return false;
  }
  waiting.batch = *std::move(batch);
  waiting.batch.node = waiting.session->node();  // whatever the file says: the certificate counts
  return true;
}

/// Stores and acknowledges all, or nothing.
Status UsageIngest::store(const std::vector<Waiting>& group) {
  if (group.empty()) return {};
  const MonoTime begun = clock_.mono();
  YZ_TRY(const std::size_t fresh, ingest(group));
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.mono() - begun);
  store_time_.record(static_cast<std::uint64_t>(took.count()));
  batches_.add(fresh);
  repeated_.add(group.size() - fresh);
  for (const Waiting& waiting : group) {
    waiting.session->send(rpc::UsageAck{waiting.shipment.epoch, waiting.shipment.number});
  }
  return {};
}

/// One of them cannot be stored: the others are not to wait for it.
void UsageIngest::store_one_by_one(std::vector<Waiting> group) {
  for (Waiting& waiting : group) {
    std::vector<Waiting> alone;
    alone.push_back(std::move(waiting));
    if (const Status stored = store(alone); !stored) {
      log::error("usage batch {}-{} of node {} could not be stored: {}", alone[0].shipment.epoch,
                 alone[0].shipment.number, alone[0].batch.node.value, stored.error().message);
    }
  }
}

store::UsageOrigin UsageIngest::origin_of(const model::ConfigSnapshot& config, model::NodeId id) const {
  const model::Node* node = config.nodes.find(id);
  const model::NodeGroup* group = node == nullptr ? nullptr : config.node_groups.find(node->group);
  return {.node = id,
          .group = group == nullptr ? model::NodeGroupId{} : group->id,
          .country = group == nullptr ? std::string() : group->place.country};
}

/// How many of them were new.
Result<std::size_t> UsageIngest::ingest(const std::vector<Waiting>& group) {
  const model::SnapshotPtr config = state_.current();
  std::vector<model::UsageBatch> batches;
  batches.reserve(group.size());
  for (const Waiting& waiting : group) batches.push_back(waiting.batch);
  std::vector<store::CountedBatch> counted;
  store::UsageOwners owners;
  YZ_CHECK(database_.write([&](store::Transaction& tx) -> Status {
    YZ_TRY(const auto fresh, store::UsageStore(tx).ingest(batches, clock_.wall()));
    counted.clear();
    counted.reserve(fresh.size());
    for (const model::UsageBatch* batch : fresh) counted.push_back({batch, origin_of(*config, batch->node)});
    YZ_TRY(owners, store::StatisticsStore(tx).owners(counted));
    YZ_CHECK(store::StatisticsStore(tx).add(counted, owners));
    return store::BillingStore(tx).count(counted, owners);
  }));
  if (listener_) listener_(counted, owners);
  return counted.size();
}

}  // namespace yz::control
