#include "control/live.h"

#include <utility>

#include "base/log.h"
#include "control/statement_closer.h"
#include "store/idempotency_store.h"
#include "store/identity_store.h"
#include "store/join_token_store.h"
#include "store/login_guard.h"
#include "store/purge_log.h"
#include "store/statistics_store.h"
#include "store/task_quota_store.h"
#include "store/task_store.h"
#include "store/usage_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::milliseconds kTakeOverRetry{200};
constexpr std::chrono::minutes kHouseEvery{10};
constexpr std::chrono::hours kIdempotencyRetention{24};
constexpr std::chrono::hours kBatchRetention{24 * 90};  // a node away for longer is not taken back as it was
constexpr std::pair<store::StatisticsStep, std::chrono::hours> kStatisticsRetention[] = {
    {store::StatisticsStep::kMinute, std::chrono::hours(24 * 3)},
    {store::StatisticsStep::kFiveMinutes, std::chrono::hours(24 * 65)},  // the points of this month and the last
    {store::StatisticsStep::kHour, std::chrono::hours(24 * 400)},
    {store::StatisticsStep::kDay, std::chrono::hours(24 * 3700)},
};
constexpr std::chrono::hours kGiveUpAfter{1};
constexpr std::chrono::hours kAttemptRetention{24};
constexpr std::chrono::hours kCertificateLifetime{24 * 365};

std::uint32_t minute_of(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::minutes>(time).time_since_epoch().count());
}

}  // namespace

Live::Live(io::Reactor& reactor, io::BlockingPool& pool, store::Database& database, bus::Bus& bus, ConfigState& state,
           const Clock& clock, metrics::Registry& metrics, std::shared_ptr<const geo::GeoMap> map, Options options)
    : reactor_(reactor),
      pool_(pool),
      database_(database),
      state_(state),
      clock_(clock),
      options_(std::move(options)),
      meter_(clock),
      ingest_(database, state, clock, metrics,
              [this](std::span<const store::CountedBatch> batches, const store::UsageOwners& owners) {
                meter_.add(batches, owners);
              }),
      logs_(database, state, pool, clock, metrics, options_.logs),
      enrolment_(state, database, pool, clock, options_.ca),
      hub_(
          reactor, state, clock, options_.hub,
          [this](rpc::EnrolRequest request, rpc::NodeServerEvents::EnrolReply reply) {
            enrolment_.enrol(std::move(request), std::move(reply));
          },
          [this](const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment) {
            ingest_.take(session, std::move(shipment));
          },
          [this](const rpc::NodeSessionPtr& session, rpc::LogShipment shipment) {
            logs_.take(session, std::move(shipment));
          }),
      publisher_(reactor, hub_, clock, metrics, options_.publisher),
      feed_(reactor, hub_, database, pool),
      board_(reactor, hub_, database, pool, clock, metrics),
      prefetcher_(reactor, hub_, board_, state, clock),
      leader_(reactor, database, pool, clock, options_.instance, options_.leader),
      master_(reactor, hub_, state, database, pool, bus, feed_, board_, prefetcher_),
      follower_({reactor, pool, database, bus, state, hub_, feed_, board_, prefetcher_}, options_.follow_every),
      certificates_(reactor, hub_, publisher_, state, database, leader_, clock, metrics, options_.certificates),
      caps_(reactor, database, state, meter_, leader_, clock, metrics, options_.caps),
      explainer_(state, std::move(map)),
      name_pool_({.threads = 4, .max_queued = 64}),
      origin_checker_(reactor, name_pool_, options_.check_private_origins) {
  hub_.add_observer(publisher_);
  hub_.add_observer(feed_);
  hub_.add_observer(board_);
  hub_.add_observer(prefetcher_);
  state_.set_listener([this, remote = reactor.remote()](const model::SnapshotPtr& config) {
    remote->post([this, config] {
      publisher_.publish(config);
      follower_.announce(config->seq);
    });
  });
}

Live::~Live() {
  stop();
  state_.set_listener({});
}

Status Live::start(std::string api_url) {
  YZ_CHECK(recover());
  YZ_CHECK(logs_.open());
  leader_.set_address(std::move(api_url));
  YZ_CHECK(leader_.try_now());
  if (leader_.leads()) {
    YZ_TRY(std::vector<model::Task> tasks, unfinished_tasks());
    lead(std::move(tasks));
  }
  leader_.set_listener([this](bool leads) { leads ? reactor_.spawn_into(scope_, take_over()) : lead_no_more(); });
  leader_.start();
  YZ_CHECK(follower_.start());
  YZ_CHECK(open_channel());
  certificates_.start();
  caps_.start();
  reactor_.spawn_into(scope_, stop_waiting_for_absent());
  reactor_.spawn_into(scope_, keep_house());
  return {};
}

/// The database says where things stand; nodes say the rest when they come back.
Status Live::recover() {
  struct Found {
    model::SnapshotPtr config;
    model::PurgeSeq purge_head;
  };
  YZ_TRY(Found found, database_.read([&](store::Transaction& tx) -> Result<Found> {
    Found out;
    YZ_TRY(out.config, state_.as_of(tx));
    YZ_TRY(out.purge_head, store::PurgeLog(tx).head());
    return out;
  }));
  state_.advance(found.config);
  feed_.set_head(found.purge_head);
  return {};
}

/// Also makes the configuration current that they belong to: no node may find an older one here than it has.
Result<std::vector<model::Task>> Live::unfinished_tasks() {
  using Tasks = Result<std::vector<model::Task>>;
  model::SnapshotPtr config;
  Tasks found = database_.read([&](store::Transaction& tx) -> Tasks {
    std::vector<model::Task> out;
    YZ_TRY(config, state_.as_of(tx));
    for (const model::TaskKind kind : {model::TaskKind::kRefresh, model::TaskKind::kPrefetch}) {
      YZ_TRY(std::vector<model::Task> tasks, store::TaskStore(tx).unfinished(kind, 10'000));
      out.insert(out.end(), std::make_move_iterator(tasks.begin()), std::make_move_iterator(tasks.end()));
    }
    return out;
  });
  if (found) state_.advance(config);
  return found;
}

/// What is unfinished goes on here, and the nodes are let in.
void Live::lead(std::vector<model::Task> tasks) {
  if (!tasks.empty()) log::info("{} tasks go on", tasks.size());
  for (model::Task& task : tasks) {
    const model::TaskId id = task.id;
    board_.add(std::move(task), true);
    prefetcher_.start(id);
  }
  follower_.begin_patience();
  led_since_ = clock_.mono();
  hub_.open();
  certificates_.wake();
}

void Live::lead_no_more() {
  board_.clear();
  prefetcher_.clear();
  hub_.close("another instance of control leads");
}

io::Task<void> Live::take_over() {
  for (;;) {
    auto tasks = co_await pool_.run([this] { return unfinished_tasks(); }, io::kNoDeadline);
    if (!leader_.leads() || hub_.is_open()) co_return;
    if (tasks) {
      lead(*std::move(tasks));
      co_return;
    }
    log::warn("this instance leads, and cannot read the tasks yet: {}", tasks.error().message);
    co_await io::sleep_for(kTakeOverRetry);
  }
}

Status Live::open_channel() {
  rpc::NodeServerOptions options;
  options.listen = options_.node_listen;
  YZ_TRY(options.server, rpc::make_server_certificate(options_.ca, clock_.wall(), kCertificateLifetime));
  options.ca_pem = options_.ca.certificate_pem;
  options.clock = &clock_;
  YZ_TRY(server_, rpc::NodeServer::start(std::move(options), hub_));
  return {};
}

void Live::stop() {
  if (!server_) return;
  server_->stop();
  server_.reset();
  ingest_.stop();
  certificates_.stop();
  caps_.stop();
  follower_.stop();
  leader_.release();
}

io::Task<void> Live::stop_waiting_for_absent() {
  for (;;) {
    co_await io::sleep_for(options_.absent_after);
    if (clock_.mono() - led_since_ < options_.absent_after) continue;
    follower_.end_patience();
    board_.stop_waiting_for_absent(options_.absent_after);
  }
}

/// Drops what is past its retention.
Status Live::drop_old(WallTime now) {
  return database_.write([&](store::Transaction& tx) -> Status {
    YZ_CHECK(store::PurgeLog(tx).drop_before(now - options_.purge_retention));
    YZ_CHECK(store::TaskStore(tx).give_up(now - kGiveUpAfter, "no answer within an hour", now));
    YZ_CHECK(store::TaskStore(tx).drop_before(now - options_.task_retention));
    YZ_CHECK(store::TaskQuotaStore(tx).drop_before(now - options_.task_retention));
    YZ_CHECK(store::IdempotencyStore(tx).drop_before(now - kIdempotencyRetention));
    YZ_CHECK(store::JoinTokenStore(tx).drop_expired(now - std::chrono::hours(24)));
    YZ_CHECK(store::UsageStore(tx).drop_batches_before(now - kBatchRetention));
    YZ_CHECK(store::SessionStore(tx).drop_expired(options_.sessions, now));
    YZ_CHECK(store::LoginGuard(tx).drop_before(now - kAttemptRetention));
    YZ_CHECK(store::IdentityStore(tx).drop_expired_logins(now));
    YZ_CHECK(store::UsageStore(tx).drop_minutes_before(minute_of(now - options_.minute_retention)));
    for (const auto& [step, kept] : kStatisticsRetention) {
      YZ_CHECK(store::StatisticsStore(tx).drop_before(step, minute_of(now - kept)));
    }
    return {};
  });
}

io::Task<void> Live::keep_house() {
  for (;;) {
    co_await io::sleep_for(kHouseEvery);
    if (!leader_.is_held()) continue;
    auto done = co_await pool_.run([this] { return drop_old(clock_.wall()); }, io::kNoDeadline);
    if (!done) log::warn("old records could not be dropped: {}", done.error().message);
    auto tidy = [this] { return logs_.keep_house(); };
    auto tidied = co_await pool_.run(std::move(tidy), io::kNoDeadline);
    if (!tidied) log::warn("old access logs could not be removed: {}", tidied.error().message);
    auto close = [this] { return close_due_statements(database_, clock_.wall()); };
    auto closed = co_await pool_.run(std::move(close), io::kNoDeadline);
    if (!closed) log::warn("statements that are due cannot be read: {}", closed.error().message);
  }
}

}  // namespace yz::control
