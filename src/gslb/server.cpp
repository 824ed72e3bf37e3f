#include "gslb/server.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "geo/sources.h"

namespace yz::gslb {
namespace {

using std::chrono::milliseconds;

/// Reads the map's file and compiles it with the overrides. Takes a second or so for all of the Internet.
Result<std::shared_ptr<const ClassMap>> load_map(const std::filesystem::path& path, const std::string& overrides) {
  auto map = geo::GeoMap::empty();
  if (!path.empty()) {
    YZ_TRY(map, geo::GeoMap::open(path));
  }
  YZ_TRY(const auto layer, geo::read_overrides(overrides));
  return ClassMap::compile(*map, layer);
}

/// What of a node's state a decision looks at.
bool is_same_to_scheduling(const model::NodeState& a, const model::NodeState& b) {
  return a.node == b.node && a.connected == b.connected && a.ready == b.ready && a.draining == b.draining &&
         a.acked_config == b.acked_config;
}

}  // namespace

Server::Server(io::Reactor& reactor, GslbSettings settings)
    : reactor_(reactor),
      settings_(std::move(settings)),
      store_(settings_.state),
      counters_(registry_),
      book_(settings_.health) {
  rebuild_time_ = registry_.histogram("yz_gslb_rebuild_seconds", "Time to make and publish new tables.",
                                      metrics::Histogram::kMicroseconds);
  registry_.gauge_from("yz_gslb_config_seq", "Number of the configuration in force.", {}, [this] {
    const auto world = worlds_.current();
    return world == nullptr ? 0.0 : static_cast<double>(world->view->config().seq.value);
  });
  registry_.gauge_from("yz_gslb_nodes_up", "Nodes that may take viewers.", {}, [this] {
    const auto world = worlds_.current();
    if (world == nullptr) return 0.0;
    return static_cast<double>(std::count_if(
        world->view->nodes().begin(), world->view->nodes().end(),
        [](const auto& n) { return n.standing == sched::Standing::kUp || n.standing == sched::Standing::kSuspect; }));
  });
}

Server::~Server() {
  // Those that call into this end first.
  control_.reset();
  udp_servers_.clear();
  prober_.reset();
  tasks_.cancel_all();
  if (!are_states_unsaved_) return;
  if (auto saved = store_.save(states_); !saved) log::error("gslb: {}", saved.error().message);
}

Result<std::unique_ptr<Server>> Server::start(io::Reactor& reactor, GslbSettings settings) {
  std::unique_ptr<Server> server(new Server(reactor, std::move(settings)));
  YZ_CHECK(server->open());
  return server;
}

Status Server::open() {
  YZ_TRY(map_, load_map(settings_.geo, settings_.geo_overrides));
  YZ_CHECK(store_.prepare());
  prober_ = std::make_unique<Prober>(
      reactor_, settings_.probe, [this](model::NodeId node, std::string reason) { on_probe(node, std::move(reason)); },
      [this](model::NodeId node) { book_.forget(node); });
  YZ_CHECK(load_state());
  YZ_CHECK(listen());
  reactor_.spawn_into(tasks_, tick_every_second());
  if (!settings_.control.empty()) {
    ControlEvents& events = *this;
    control_ = std::make_unique<ControlLink>(
        reactor_, ControlLink::Options{settings_.control, settings_.join_token, settings_.name}, store_, events);
    if (config_ != nullptr) control_->set_applied(config_->seq, config_->content_hash());
  }
  return {};
}

Status Server::load_state() {
  if (settings_.config != nullptr) return apply(settings_.config);
  auto config = store_.load_config();
  if (!config) {
    log::error("gslb: the stored configuration is unusable, waiting for control: {}", config.error().message);
    return {};
  }
  if (!*config) return {};
  if (auto states = store_.load_node_states()) {
    states_ = *std::move(states);
  } else {
    log::error("gslb: the stored node states are unusable: {}", states.error().message);
  }
  log::info("gslb: starting from the stored configuration {}", (*config)->seq.value);
  if (auto applied = apply(std::make_shared<const model::ConfigSnapshot>(**std::move(config))); !applied) {
    log::error("gslb: the stored configuration is unusable: {}", applied.error().message);
  }
  return {};
}

Status Server::listen_dns(const Endpoint& endpoint) {
  net::DnsUdpServer::Options options;
  options.threads = settings_.workers;
  auto udp = net::DnsUdpServer::start(endpoint, options, [this](unsigned) -> std::unique_ptr<net::DnsHandler> {
    return std::make_unique<DnsService>(worlds_, counters_);
  });
  if (!udp) return fail(std::move(udp).error().with_context(fmt::format("DNS over UDP on {}", to_string(endpoint))));
  const Endpoint bound = (*udp)->local();
  auto service = std::make_unique<DnsService>(worlds_, counters_);
  auto server = std::make_unique<net::DnsTcpServer>(reactor_, *service);
  auto tcp = server->listen(bound);
  if (!tcp) return fail(std::move(tcp).error().with_context(fmt::format("DNS over TCP on {}", to_string(bound))));
  udp_servers_.push_back(*std::move(udp));
  tcp_services_.push_back(std::move(service));
  tcp_servers_.push_back(std::move(server));
  dns_endpoints_.push_back(bound);
  return {};
}

Status Server::listen() {
  for (const auto& endpoint : settings_.listen) {
    // A port that is free for UDP may be taken for TCP; where any will do, another is tried.
    Status status = listen_dns(endpoint);
    for (int i = 0; !status && endpoint.port == 0 && i < 16; ++i) status = listen_dns(endpoint);
    YZ_CHECK(std::move(status));
  }
  if (!settings_.http) return {};
  http_api_ = std::make_unique<HttpApi>(worlds_, registry_);
  http_server_ = std::make_unique<net::HttpServer>(reactor_, *http_api_);
  auto http = http_server_->listen(*settings_.http);
  if (!http) return fail(std::move(http).error().with_context(fmt::format("HTTP on {}", to_string(*settings_.http))));
  http_endpoint_ = *http;
  return {};
}

Status Server::apply(model::SnapshotPtr config) {
  YZ_TRY(zones_, build_zones(*config, settings_.nsid));
  config_ = std::move(config);
  if (settings_.probing) prober_->set_nodes(*config_);
  rebuild();
  return {};
}

Status Server::on_config(model::SnapshotPtr config) {
  YZ_CHECK(apply(std::move(config)));
  control_->set_applied(config_->seq, config_->content_hash());
  if (auto saved = store_.save(*config_); !saved) log::error("gslb: {}", saved.error().message);
  return {};
}

Status Server::on_delta(const model::ConfigDelta& delta) {
  if (config_ == nullptr) return fail(Code::kConflict, "a change came before any configuration");
  YZ_TRY(auto next, model::apply(*config_, delta));
  return on_config(std::make_shared<const model::ConfigSnapshot>(std::move(next)));
}

void Server::on_node_states(rpc::NodeStates update) {
  std::vector<model::NodeState> next = update.complete ? std::vector<model::NodeState>{} : states_;
  for (auto& state : update.states) {
    const auto at = std::lower_bound(next.begin(), next.end(), state.node,
                                     [](const auto& one, model::NodeId id) { return one.node < id; });
    if (at != next.end() && at->node == state.node) {
      *at = std::move(state);
    } else {
      next.insert(at, std::move(state));
    }
  }
  const bool changed = !std::equal(next.begin(), next.end(), states_.begin(), states_.end(), is_same_to_scheduling);
  states_ = std::move(next);
  if (!changed) return;
  are_states_unsaved_ = true;
  schedule_rebuild();
}

void Server::on_connected(bool is_connected) {
  if (is_connected) report_health();
}

void Server::on_probe(model::NodeId node, std::string reason) {
  const WallTime wall = reactor_.wall_now();
  const auto before = book_.health_of(node);
  const bool changed = reason.empty() ? book_.record_success(node, reactor_.now(), wall)
                                      : book_.record_failure(node, reason, reactor_.now(), wall);
  if (!changed) return;
  const auto after = book_.health_of(node);
  if (after == model::Health::kDown) log::warn("gslb: node {} is down: {}", node.value, reason);
  if (after == model::Health::kUp && before == model::Health::kDown) log::info("gslb: node {} is up", node.value);
  schedule_rebuild();
  report_health();
}

void Server::report_health() {
  if (control_ != nullptr) control_->report({book_.verdicts()});
}

void Server::schedule_rebuild() {
  if (is_rebuild_due_) return;
  is_rebuild_due_ = true;
  reactor_.post([this] {
    if (is_rebuild_due_) rebuild();
  });
}

void Server::rebuild() {
  is_rebuild_due_ = false;
  if (config_ == nullptr) return;
  const MonoTime started = SystemClock::instance().mono();
  const auto signals = book_.signals(reactor_.now());
  const auto unreported = settings_.control.empty() ? sched::Unreported::kReady : sched::Unreported::kAway;
  auto view = sched::SchedView::build(config_, states_, signals, unreported);
  worlds_.publish(World::make(zones_, map_, std::move(view), ++generation_));
  const auto spent = SystemClock::instance().mono() - started;
  rebuild_time_.record(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
}

io::Task<void> Server::tick_every_second() {
  for (;;) {
    co_await io::sleep_for(milliseconds(1000));
    if (book_.tick(reactor_.now(), reactor_.wall_now())) schedule_rebuild();
    if (!are_states_unsaved_) continue;
    are_states_unsaved_ = false;
    if (auto saved = store_.save(states_); !saved) log::error("gslb: {}", saved.error().message);
  }
}

io::Task<Status> Server::reload_map() {
  auto map =
      co_await pool_.run([path = settings_.geo, lines = settings_.geo_overrides] { return load_map(path, lines); },
                         reactor_.in(std::chrono::minutes(1)));
  if (!map) co_return fail(std::move(map).error());
  map_ = *std::move(map);
  rebuild();
  co_return Status{};
}

}  // namespace yz::gslb
