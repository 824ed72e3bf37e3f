#include "control/refresh_master.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "control/follower.h"
#include "control/idempotency.h"
#include "control/task_json.h"
#include "model/codec.h"
#include "store/database.h"
#include "store/purge_log.h"
#include "store/task_quota_store.h"
#include "store/task_store.h"

namespace yz::control {
namespace {

constexpr std::size_t kMaxBatch = 256;
constexpr std::chrono::seconds kReadDeadline{5};

/// What a wish counts as against its tenant's quota.
store::TaskUse charge_of(const TaskWish& wish) {
  store::TaskUse out;
  if (wish.kind == model::TaskKind::kPrefetch) {
    out.prefetch_urls = wish.targets.size();
    out.refresh_urls = wish.refreshes ? wish.targets.size() : 0;
    return out;
  }
  for (const model::TaskTarget& target : wish.targets) {
    ++(target.kind == model::PurgeKind::kUrl ? out.refresh_urls : out.refresh_groups);
  }
  return out;
}

/// Takes a wish from the quota of the caller's tenant; operators have none. Refused, it has written nothing.
tl::expected<void, Problem> charge(store::Transaction& tx, const Call& call, const TaskWish& wish) {
  if (call.principal.is_operator()) return {};
  const Status taken = store::TaskQuotaStore(tx).take(call.principal.tenant, charge_of(wish), call.now);
  if (taken) return {};
  // A full disk is a limit, too, and not the client's.
  if (taken.error().code != Code::kLimit || taken.error().fault != Fault::kClient) return refuse(taken.error());
  Problem used_up = problem(429, "quota", "The day's quota is used up", taken.error().message + '.');
  used_up.retry_after = std::chrono::ceil<std::chrono::seconds>(store::quotas_reset(call.now) - call.now);
  return refuse(std::move(used_up));
}

}  // namespace

RefreshMaster::RefreshMaster(io::Reactor& reactor, NodeHub& hub, const ConfigState& state, store::Database& database,
                             io::BlockingPool& pool, bus::Bus& bus, PurgeFeed& feed, TaskBoard& board,
                             Prefetcher& prefetcher)
    : reactor_(reactor),
      hub_(hub),
      state_(state),
      database_(database),
      pool_(pool),
      bus_(bus),
      feed_(feed),
      board_(board),
      prefetcher_(prefetcher) {}

io::Task<Outcome> RefreshMaster::submit(Call call, TaskWish wish) {
  auto order = std::make_shared<Order>();
  order->call = std::move(call);
  order->wish = std::move(wish);
  queue_.push_back(order);
  if (!std::exchange(is_running_, true)) reactor_.spawn_into(scope_, run());
  (void)co_await order->done.wait(io::kNoDeadline);
  if (!order->outcome->has_value()) co_return *std::move(order->outcome);
  Reply reply = **order->outcome;
  std::optional<model::Task> task = order->task;
  if (!task) task = co_await made_before(reply);
  if (!task) co_return reply;
  // The nodes may have been faster than this answer: show how far it is by now.
  const TaskBoard::Live* live = board_.find(task->id);
  reply.body = task_json(live != nullptr ? live->task : *task, hub_, *state_.current()).dump();
  co_return reply;
}

/// The task of a call that is repeated, from what it was answered; none when it is gone or cannot be read now.
io::Task<std::optional<model::Task>> RefreshMaster::made_before(const Reply& reply) {
  const auto answered = nlohmann::json::parse(reply.body, nullptr, false);
  if (!answered.is_object() || !answered.contains("id")) co_return std::nullopt;
  auto read = [this, id = model::TaskId{answered["id"].get<std::uint64_t>()}] {
    return database_.read([&](store::Transaction& tx) { return store::TaskStore(tx).get(id); });
  };
  auto task = co_await pool_.run(std::move(read), reactor_.in(kReadDeadline));
  if (!task) co_return std::nullopt;
  co_return *std::move(task);
}

std::shared_ptr<RefreshMaster::Batch> RefreshMaster::take_batch() {
  auto batch = std::make_shared<Batch>();
  while (!queue_.empty() && batch->orders.size() < kMaxBatch) {
    batch->orders.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  const model::SnapshotPtr config = state_.current();
  for (const auto& [id, entry] : config->nodes) {
    if (!entry.value->enabled) continue;
    const NodePeer* peer = hub_.find(id);
    // Who is connected only the instance that leads knows; it waits no longer than it must.
    const store::TaskNode node{id, !hub_.is_open() || (peer != nullptr && peer->is_connected())};
    batch->refresh_nodes.push_back(node);
    // Viewers are served by the first tier, which fills itself through the second.
    const model::NodeGroup* group = config->node_groups.find(entry.value->group);
    if (node.awaited && group != nullptr && group->tier == model::Tier::kL1) batch->prefetch_nodes.push_back(node);
  }
  return batch;
}

io::Task<void> RefreshMaster::run() {
  while (!queue_.empty()) {
    const std::shared_ptr<Batch> batch = take_batch();
    auto done = co_await pool_.run([this, batch] { return commit(database_, bus_, *batch); }, io::kNoDeadline);
    for (const OrderPtr& order : batch->orders) {
      if (!done) {
        order->outcome = refuse(Problem(done.error()));
      } else if (order->task && hub_.is_open() && board_.find(order->task->id) == nullptr) {
        board_.add(*order->task);
        prefetcher_.start(order->task->id);
      }
    }
    // Usually the bus was faster; whatever it has not brought by now is brought here.
    if (done && !batch->records.empty()) feed_.push(std::move(batch->records));
    for (const OrderPtr& order : batch->orders) order->done.set();
  }
  is_running_ = false;
}

/// One transaction for all orders, then their records on the bus. On a thread of the pool.
Status RefreshMaster::commit(store::Database& database, bus::Bus& bus, Batch& batch) {
  Status done = database.write([&](store::Transaction& tx) -> Status {
    batch.records.clear();
    std::set<model::TenantId> charged;
    for (const OrderPtr& order : batch.orders) {
      if (!order->call.principal.is_operator()) charged.insert(order->call.principal.tenant);
    }
    YZ_CHECK(store::TaskQuotaStore(tx).lock(charged));
    for (const OrderPtr& order : batch.orders) {
      order->task.reset();
      order->outcome = once(tx, order->call, [&]() -> Outcome { return store_one(tx, batch, *order); });
      // What is wrong with one order has written nothing; what is wrong with the database ends all.
      if (!*order->outcome && order->outcome->error().status >= 500) return fail(order->outcome->error().to_error());
    }
    return {};
  });
  if (!done) return done;
  if (!batch.records.empty()) {
    // The log is the truth: a message that is lost is made good from there.
    if (auto published = bus.publish(Follower::kPurgeTopic, model::encode(batch.records)); !published) {
      log::warn("purge records could not be published on the bus: {}", published.error().message);
    }
  } else if (bus.is_shared()) {
    (void)bus.publish(Follower::kNewsTopic, "tasks");
  }
  return {};
}

Outcome RefreshMaster::store_one(store::Transaction& tx, Batch& batch, Order& order) {
  const TaskWish& wish = order.wish;
  if (auto charged = charge(tx, order.call, wish); !charged) return refuse(charged.error());
  model::Task task;
  task.tenant = wish.tenant;
  task.kind = wish.kind;
  task.hard = wish.hard;
  task.reads_manifests = wish.reads_manifests;
  task.targets = wish.targets;
  if (wish.refreshes) {
    std::vector<model::PurgeRecord> records;
    records.reserve(wish.targets.size());
    for (const model::TaskTarget& target : wish.targets) {
      records.push_back({{}, target.kind, target.domain, target.key, wish.hard, order.call.now});
    }
    YZ_TRY(records, store::PurgeLog(tx).append(std::move(records)));
    task.first_seq = records.front().seq;
    task.last_seq = records.back().seq;
    batch.records.insert(batch.records.end(), std::make_move_iterator(records.begin()),
                         std::make_move_iterator(records.end()));
  }
  const auto& nodes = wish.kind == model::TaskKind::kRefresh ? batch.refresh_nodes : batch.prefetch_nodes;
  YZ_TRY(task, store::TaskStore(tx).create(order.call.author(wish.tenant), std::move(task), nodes));
  order.task = task;
  Reply reply = json_reply(
      {{"id", task.id.value}, {"kind", std::string(wish.kind == model::TaskKind::kRefresh ? "refresh" : "prefetch")}},
      202);
  reply.headers.emplace_back("Location", "/api/v1/tasks/" + std::to_string(task.id.value));
  return reply;
}

}  // namespace yz::control
