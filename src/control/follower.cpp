#include "control/follower.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "model/codec.h"
#include "store/purge_log.h"
#include "store/task_store.h"

namespace yz::control {
namespace {

constexpr std::size_t kChunk = 1'000;
constexpr std::chrono::milliseconds kLeastPause{20};  // between two looks, however much news there is
constexpr std::chrono::milliseconds kSubscribeEvery{1'000};

}  // namespace

Status Follower::start() {
  if (auto done = subscribe(); !done) {
    if (!parts_.bus.is_shared()) return done;
    log::warn("the bus cannot be read yet, the database is looked at instead: {}", done.error().message);
    parts_.reactor.spawn_into(scope_, keep_subscribing());
  }
  parts_.reactor.spawn_into(scope_, follow());
  return {};
}

void Follower::stop() {
  purges_.reset();
  news_.reset();
}

/// From the heads on: what was published before is in the database. Blocks.
Status Follower::subscribe() {
  bus::Bus& bus = parts_.bus;
  const auto remote = parts_.reactor.remote();
  YZ_TRY(const bus::Offset purges, bus.head(kPurgeTopic));
  YZ_TRY(auto purge_subscription,
         bus.subscribe(kPurgeTopic, bus::Offset{purges.value + 1}, [this, remote](const bus::Message& message) {
           auto records = model::decode_purge_records(message.bytes);
           if (!records) {
             log::error("a message on the bus is no purge record: {}", records.error().message);
             return;
           }
           remote->post([this, held = *std::move(records)]() mutable {
             const bool is_news = !held.empty() && held.back().seq > parts_.feed.head();
             parts_.feed.push(std::move(held));
             if (is_news && parts_.bus.is_shared()) woken_.notify_all();  // perhaps with a task
           });
         }));
  std::unique_ptr<bus::Subscription> news_subscription;
  if (bus.is_shared()) {
    YZ_TRY(const bus::Offset news, bus.head(kNewsTopic));
    YZ_TRY(news_subscription, bus.subscribe(kNewsTopic, bus::Offset{news.value + 1},
                                            [this](const bus::Message& /*message*/) { woken_.notify_all(); }));
  }
  purges_ = std::move(purge_subscription);
  news_ = std::move(news_subscription);
  return {};
}

io::Task<void> Follower::keep_subscribing() {
  for (;;) {
    co_await io::sleep_for(kSubscribeEvery);
    const auto done = co_await parts_.pool.run([this] { return subscribe(); }, io::kNoDeadline);
    if (!done) continue;
    log::info("the bus is read again");
    woken_.notify_all();
    co_return;
  }
}

void Follower::announce(model::ConfigSeq seq) {
  if (!parts_.bus.is_shared() || seq <= followed_) return;
  (void)parts_.pool.submit([&bus = parts_.bus, seq] {
    if (auto told = bus.publish(kNewsTopic, "config " + to_string(seq)); !told) {
      log::debug("a change could not be announced on the bus: {}", told.error().message);
    }
  });
}

Result<Follower::Found> Follower::look(model::PurgeSeq known) const {
  return parts_.database.read([&](store::Transaction& tx) -> Result<Found> {
    Found out;
    YZ_TRY(out.config, parts_.state.as_of(tx));
    YZ_TRY(out.records, store::PurgeLog(tx).since(known, kChunk));
    if (parts_.hub.is_open()) {
      YZ_TRY(out.tasks, store::TaskStore(tx).unfinished_ids());
    }
    return out;
  });
}

io::Task<void> Follower::follow() {
  for (;;) {
    const io::Waiters::Ticket ticket = woken_.ticket();
    const model::PurgeSeq known = parts_.feed.head();
    auto found = co_await parts_.pool.run([this, known] { return look(known); }, io::kNoDeadline);
    if (found) {
      is_failing_ = false;
      followed_ = std::max(followed_, found->config->seq);
      parts_.state.advance(found->config);
      if (!found->records.empty()) parts_.feed.push(std::move(found->records));
      std::erase_if(found->tasks, [this](model::TaskId id) { return parts_.board.find(id) != nullptr; });
      if (!found->tasks.empty()) co_await adopt(std::move(found->tasks));
    } else if (!std::exchange(is_failing_, true)) {
      log::warn("the database cannot be read: {}", found.error().message);
    }
    co_await io::sleep_for(kLeastPause);
    (void)co_await woken_.wait(ticket, parts_.reactor.in(every_));
  }
}

/// Leads on tasks that another instance took.
io::Task<void> Follower::adopt(std::vector<model::TaskId> ids) {
  using Tasks = Result<std::vector<model::Task>>;
  auto tasks = co_await parts_.pool.run(
      [this, ids = std::move(ids)]() -> Tasks {
        return parts_.database.read([&](store::Transaction& tx) -> Tasks {
          std::vector<model::Task> out;
          for (const model::TaskId id : ids) {
            YZ_TRY(model::Task task, store::TaskStore(tx).get(id));
            out.push_back(std::move(task));
          }
          return out;
        });
      },
      io::kNoDeadline);
  if (!tasks || !parts_.hub.is_open()) co_return;  // they are found again
  for (model::Task& task : *tasks) {
    const model::TaskId id = task.id;
    if (model::is_final(task.state) || parts_.board.find(id) != nullptr) continue;
    parts_.board.adopt(std::move(task), is_patient_);
    parts_.prefetcher.start(id);
  }
}

}  // namespace yz::control
