#include "control/live.h"

#include <utility>

#include "base/log.h"
#include "control/statement_closer.h"
#include "model/codec.h"
#include "store/idempotency_store.h"
#include "store/join_token_store.h"
#include "store/login_guard.h"
#include "store/purge_log.h"
#include "store/statistics_store.h"
#include "store/task_store.h"
#include "store/usage_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::milliseconds kFollowEvery{1'000};
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
      bus_(bus),
      state_(state),
      clock_(clock),
      options_(std::move(options)),
      ingest_(database, state, pool, clock, metrics),
      enrolment_(state, database, pool, clock, options_.ca),
      hub_(
          reactor, state, clock, options_.hub,
          [this](rpc::EnrolRequest request, rpc::NodeServerEvents::EnrolReply reply) {
            enrolment_.enrol(std::move(request), std::move(reply));
          },
          [this](const rpc::NodeSessionPtr& session, rpc::UsageShipment shipment) {
            ingest_.take(session, std::move(shipment));
          }),
      publisher_(reactor, hub_, clock, metrics, options_.publisher),
      feed_(reactor, hub_, database, pool),
      board_(reactor, hub_, database, pool, clock, metrics),
      prefetcher_(hub_, board_, clock),
      leader_(reactor, database, pool, clock, options_.instance),
      master_(reactor, hub_, state, database, pool, bus, leader_, feed_, board_, prefetcher_),
      certificates_(reactor, hub_, publisher_, state, database, leader_, clock, metrics, options_.certificates),
      explainer_(state, std::move(map)),
      origin_checker_(reactor, pool, options_.check_private_origins) {
  hub_.add_observer(publisher_);
  hub_.add_observer(feed_);
  hub_.add_observer(board_);
  hub_.add_observer(prefetcher_);
  state_.set_listener([this, remote = reactor.remote()](const model::SnapshotPtr& config) {
    remote->post([this, config] { publisher_.publish(config); });
  });
}

Live::~Live() {
  stop();
  state_.set_listener({});
}

Status Live::start() {
  YZ_CHECK(recover());
  YZ_CHECK(leader_.try_now());
  leader_.start();
  YZ_CHECK(subscribe());
  YZ_CHECK(open_channel());
  certificates_.start();
  reactor_.spawn_into(scope_, stop_waiting_for_absent());
  reactor_.spawn_into(scope_, follow_other_instances());
  reactor_.spawn_into(scope_, keep_house());
  return {};
}

/// The database says where things stand; nodes say the rest when they come back.
Status Live::recover() {
  struct Found {
    model::SnapshotPtr config;
    model::PurgeSeq purge_head;
    std::vector<model::Task> tasks;
  };
  YZ_TRY(Found found, database_.read([&](store::Transaction& tx) -> Result<Found> {
    Found out;
    YZ_TRY(out.config, state_.as_of(tx));
    YZ_TRY(out.purge_head, store::PurgeLog(tx).head());
    for (const model::TaskKind kind : {model::TaskKind::kRefresh, model::TaskKind::kPrefetch}) {
      YZ_TRY(std::vector<model::Task> tasks, store::TaskStore(tx).unfinished(kind, 10'000));
      out.tasks.insert(out.tasks.end(), std::make_move_iterator(tasks.begin()), std::make_move_iterator(tasks.end()));
    }
    return out;
  }));
  state_.advance(found.config);
  feed_.set_head(found.purge_head);
  if (!found.tasks.empty()) log::info("{} tasks go on", found.tasks.size());
  for (model::Task& task : found.tasks) board_.add(std::move(task), true);
  return {};
}

Status Live::subscribe() {
  // What was published before is in the log, which sessions read when they begin.
  YZ_TRY(const bus::Offset head, bus_.head(RefreshMaster::kTopic));
  YZ_TRY(subscription_,
         bus_.subscribe(RefreshMaster::kTopic, bus::Offset{head.value + 1},
                        [this, remote = reactor_.remote()](const bus::Message& message) {
                          auto records = model::decode_purge_records(message.bytes);
                          if (!records) {
                            log::error("a message on the bus is no purge record: {}", records.error().message);
                            return;
                          }
                          remote->post([this, held = *std::move(records)]() mutable { feed_.push(std::move(held)); });
                        }));
  return {};
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
  certificates_.stop();
  subscription_.reset();
  leader_.release();
}

io::Task<void> Live::stop_waiting_for_absent() {
  for (;;) {
    co_await io::sleep_for(options_.absent_after);
    board_.stop_waiting_for_absent(options_.absent_after);
  }
}

/// Changes that another instance committed: every instance has sessions of its own.
io::Task<void> Live::follow_other_instances() {
  struct Heads {
    model::SnapshotPtr config;
    model::PurgeSeq purge;
    std::vector<model::PurgeRecord> records;
  };
  for (;;) {
    co_await io::sleep_for(kFollowEvery);
    const model::PurgeSeq known = feed_.head();
    auto heads = co_await pool_.run(
        [this, known] {
          return database_.read([&](store::Transaction& tx) -> Result<Heads> {
            Heads out;
            YZ_TRY(out.config, state_.as_of(tx));
            YZ_TRY(out.records, store::PurgeLog(tx).since(known, 1000));
            return out;
          });
        },
        io::kNoDeadline);
    if (!heads) {
      log::warn("the database cannot be read: {}", heads.error().message);
      continue;
    }
    state_.advance(heads->config);
    if (!heads->records.empty()) feed_.push(std::move(heads->records));
  }
}

/// Drops what is past its retention.
io::Task<void> Live::keep_house() {
  for (;;) {
    co_await io::sleep_for(kHouseEvery);
    auto done = co_await pool_.run(
        [this] {
          const WallTime now = clock_.wall();
          return database_.write([&](store::Transaction& tx) -> Status {
            YZ_CHECK(store::PurgeLog(tx).drop_before(now - options_.purge_retention));
            YZ_CHECK(store::TaskStore(tx).give_up(now - kGiveUpAfter, "no answer within an hour", now));
            YZ_CHECK(store::TaskStore(tx).drop_before(now - options_.task_retention));
            YZ_CHECK(store::IdempotencyStore(tx).drop_before(now - kIdempotencyRetention));
            YZ_CHECK(store::JoinTokenStore(tx).drop_expired(now - std::chrono::hours(24)));
            YZ_CHECK(store::UsageStore(tx).drop_batches_before(now - kBatchRetention));
            YZ_CHECK(store::SessionStore(tx).drop_expired(options_.sessions, now));
            YZ_CHECK(store::LoginGuard(tx).drop_before(now - kAttemptRetention));
            YZ_CHECK(store::UsageStore(tx).drop_minutes_before(minute_of(now - options_.minute_retention)));
            for (const auto& [step, kept] : kStatisticsRetention) {
              YZ_CHECK(store::StatisticsStore(tx).drop_before(step, minute_of(now - kept)));
            }
            return {};
          });
        },
        io::kNoDeadline);
    if (leader_.is_held()) {
      auto close = [this] { return close_due_statements(database_, clock_.wall()); };
      auto closed = co_await pool_.run(std::move(close), io::kNoDeadline);
      if (!closed) log::warn("statements that are due cannot be read: {}", closed.error().message);
    }
    if (!done) log::warn("old records could not be dropped: {}", done.error().message);
  }
}

}  // namespace yz::control
