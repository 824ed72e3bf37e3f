#include "agent/node.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "model/codec.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kTellRetry = 50ms;
/// Between heartbeats when nothing happens; the edge is looked after more often (settings.h).
constexpr auto kBeatAtLeast = 1s;
constexpr double kCpuStep = 0.1;  // a change of the load that is told sooner
constexpr auto kSaveEvery = 500ms;
constexpr auto kDiskDeadline = 60s;
constexpr auto kCorrectionsEvery = 2s;
constexpr std::string_view kVersion = "yz-agent/0.1.0";

EdgeSupervisor::Options supervisor_options(const Settings& settings, const StateFolder& folder,
                                           std::vector<std::string> command) {
  EdgeSupervisor::Options options;
  options.argv = std::move(command);
  options.log_file = folder.edge_log();
  options.stop_grace = settings.stop_grace;
  return options;
}

LogCollector::Options log_options(const Settings& settings, const StateFolder& folder, model::NodeId node) {
  LogCollector::Options options;
  options.spool = folder.access_spool();
  options.outbox = folder.log_outbox();
  options.node = node;
  options.max_outbox = settings.access_log_outbox;
  return options;
}

}  // namespace

Node::Node(io::Reactor& reactor, io::BlockingPool& pool, const Settings& settings,
           std::shared_ptr<const StateFolder> state, rpc::NodeIdentity identity, std::vector<std::string> edge_command)
    : reactor_(reactor),
      pool_(pool),
      settings_(settings),
      state_(std::move(state)),
      identity_(std::move(identity)),
      driver_(reactor, state_->edge_socket()),
      edge_(supervisor_options(settings, *state_, std::move(edge_command)), driver_, changed_),
      control_(reactor, {.on_connected = [this](const rpc::Welcome& welcome) { on_connected(welcome); },
                         .on_message = [this](rpc::ControlMessage message) { on_message(std::move(message)); },
                         .on_disconnected = [this] { on_disconnected(); }}),
      config_(driver_, edge_, control_, changed_),
      purges_(driver_, edge_, control_, changed_),
      usage_(state_->usage_spool(), pool, control_),
      logs_(log_options(settings, *state_, identity_.node), settings.access_log_every, pool, control_),
      prefetcher_(driver_, edge_, control_, changed_),
      control_gone_since_(reactor.now()) {}

io::Task<void> Node::run(io::Event& stop) {
  restore();
  purges_.begin_when([this](std::uint64_t generation) { return config_.was_given_to(generation); });
  update_hello();
  control_.start(settings_.controls, identity_);
  reactor_.spawn_into(scope_, keep_edge_told());
  reactor_.spawn_into(scope_, beat());
  reactor_.spawn_into(scope_, report_corrections());
  reactor_.spawn_into(scope_, keep_state_saved());
  reactor_.spawn_into(scope_, watch_autonomy());
  reactor_.spawn_into(scope_, config_.run());
  reactor_.spawn_into(scope_, purges_.run());
  reactor_.spawn_into(scope_, usage_.run());
  reactor_.spawn_into(scope_, logs_.run());
  reactor_.spawn_into(scope_, prefetcher_.run());
  reactor_.spawn_into(scope_, stop_edge_when(stop));
  co_await edge_.run();
  control_.stop();
  scope_.cancel_all();
  log::info("stopped");
}

void Node::restore() {
  if (auto snapshot = state_->load_config()) config_.restore(*std::move(snapshot));
  purges_.restore(state_->load_purge_position());
  log::info("node {} starts from configuration {} and purge {}", to_string(identity_.node),
            to_string(config_.good_seq()), to_string(purges_.applied()));
}

io::Task<void> Node::stop_edge_when(io::Event& stop) {
  (void)co_await stop.wait(io::kNoDeadline);
  told_ = {};
  send_heartbeat();
  edge_.stop();
}

// ---- control

void Node::on_connected(const rpc::Welcome& welcome) {
  config_.on_welcome(welcome.current_config);
  purges_.on_welcome(welcome.current_purge);
  logs_.on_connected();
  send_heartbeat();
}

void Node::on_disconnected() {
  control_gone_since_ = reactor_.now();
  usage_.on_disconnected();
  logs_.on_disconnected();
  changed_.notify_all();
}

void Node::on_message(rpc::ControlMessage message) {
  if (auto* snapshot = std::get_if<rpc::ConfigSnapshotUpdate>(&message)) return config_.on_snapshot(*snapshot);
  if (auto* delta = std::get_if<rpc::ConfigDeltaUpdate>(&message)) {
    config_.on_delta(*delta);
    update_hello();
    return;
  }
  if (auto* records = std::get_if<rpc::PurgeRecords>(&message)) return purges_.on_records(std::move(*records));
  if (auto* resync = std::get_if<rpc::PurgeResync>(&message)) return purges_.on_resync(*resync);
  if (auto* task = std::get_if<rpc::PrefetchTask>(&message)) return prefetcher_.on_task(std::move(*task));
  if (auto* ack = std::get_if<rpc::UsageAck>(&message)) return usage_.on_ack(*ack);
  if (auto* ack = std::get_if<rpc::LogAck>(&message)) return logs_.on_ack(*ack);
  if (auto* drain = std::get_if<rpc::SetDrain>(&message)) {
    draining_ = drain->draining;
    changed_.notify_all();
  }
}

void Node::update_hello() {
  rpc::Hello hello;
  hello.role = rpc::Role::kEdge;
  hello.node = identity_.node;
  hello.name = settings_.name;
  hello.applied_purge = purges_.applied();
  hello.version = kVersion;
  if (!config_.needs_snapshot()) {
    hello.applied_config = config_.good_seq();
    hello.config_hash = config_.good_hash();
  }
  control_.set_hello(std::move(hello));
}

// ---- the edge

bool Node::should_be_ready() const { return config_.is_settled() && purges_.is_caught_up(); }

/// Tells the edge process whether it is ready and draining, whenever that changes or the process does.
io::Task<void> Node::keep_edge_told() {
  for (;;) {
    const auto ticket = changed_.ticket();
    update_hello();
    const auto up = edge_.up();
    if (up && told_ != Told{*up, should_be_ready(), draining_}) {
      co_await tell_edge(*up);
      continue;
    }
    if (!up && told_.ready) {
      told_ = {};
      send_heartbeat();  // the scheduler should not learn it from its probes
    }
    (void)co_await changed_.wait(ticket, io::kNoDeadline);
  }
}

io::Task<void> Node::tell_edge(std::uint64_t generation) {
  const Told wanted{generation, should_be_ready(), draining_};
  const bool is_new = told_.generation != generation;
  if (is_new || told_.draining != wanted.draining) {
    if (auto told = co_await driver_.set_draining(wanted.draining); !told) {
      log::warn("telling the edge to {}: {}", wanted.draining ? "drain" : "serve", told.error().message);
      co_await io::sleep_for(kTellRetry);
      co_return;
    }
  }
  if (is_new || told_.ready != wanted.ready) {
    if (auto told = co_await driver_.set_ready(wanted.ready); !told) {
      log::warn("telling the edge that it is {}ready: {}", wanted.ready ? "" : "not ", told.error().message);
      co_await io::sleep_for(kTellRetry);
      co_return;
    }
  }
  const bool was_ready = std::exchange(told_, wanted).ready;
  if (was_ready != wanted.ready) log::info("the edge is {}", wanted.ready ? "ready" : "not ready");
  send_heartbeat();
}

io::Task<void> Node::beat() {
  for (;;) {
    if (edge_.up()) {
      if (auto status = co_await driver_.status()) {
        edge_.saw_life(reactor_.now());
        load_ = status->load;
      }
    } else {
      load_ = {};
    }
    const bool is_due = reactor_.now() >= last_beat_ + kBeatAtLeast;
    if (is_due || std::abs(load_.cpu - told_cpu_) >= kCpuStep) send_heartbeat();
    co_await io::sleep_for(settings_.heartbeat);
  }
}

/// Statistics, not accounts: while control cannot be reached nothing is taken from the edge; what is lost on
/// the way is lost.
io::Task<void> Node::report_corrections() {
  for (;;) {
    co_await io::sleep_for(kCorrectionsEvery);
    if (!edge_.up() || !control_.is_connected()) continue;
    auto taken = co_await driver_.take_corrections();
    if (!taken || taken->empty()) continue;
    for (rpc::Correction& correction : *taken) correction.from = identity_.node;
    control_.send(rpc::CorrectionReport{*std::move(taken)});
  }
}

void Node::send_heartbeat() {
  model::Heartbeat beat;
  const auto up = edge_.up();
  beat.ready = up && told_.generation == *up && told_.ready;
  beat.draining = draining_;
  beat.applied_config = config_.good_seq();
  beat.applied_purge = purges_.applied();
  beat.load = load_;
  last_beat_ = reactor_.now();
  told_cpu_ = load_.cpu;
  control_.send(beat);
}

// ---- what survives a restart

io::Task<void> Node::keep_state_saved() {
  model::SnapshotPtr saved_config = config_.good();
  model::PurgeSeq saved_purge = purges_.applied();
  for (;;) {
    co_await io::sleep_for(kSaveEvery);
    const model::SnapshotPtr config = config_.good();
    const model::PurgeSeq purge = purges_.applied();
    if (config == saved_config && purge == saved_purge) continue;
    auto save = [state = state_, config, purge, is_new = config != saved_config]() -> Status {
      if (is_new) YZ_CHECK(state->save_config(model::encode(*config)));
      return state->save_purge_position(purge);
    };
    auto saved = co_await pool_.run(std::move(save), reactor_.in(kDiskDeadline));
    if (!saved) {
      log::error("cannot save the node's state: {}", saved.error().message);
      continue;
    }
    saved_config = config;
    saved_purge = purge;
  }
}

/// Lets a node that has a configuration but never caught up serve when control stays away.
io::Task<void> Node::watch_autonomy() {
  for (;;) {
    co_await io::sleep_for(100ms);
    if (control_.is_connected() || !edge_.up() || !config_.good() || should_be_ready()) continue;
    if (reactor_.now() - control_gone_since_ < settings_.autonomy_after) continue;
    config_.go_on_alone();
    if (!purges_.is_caught_up()) purges_.go_on_alone();
  }
}

}  // namespace yz::agent
