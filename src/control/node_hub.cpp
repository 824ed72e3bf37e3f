#include "control/node_hub.h"

#include <utility>
#include <variant>

#include "base/log.h"

namespace yz::control {
namespace {

constexpr std::chrono::milliseconds kTellLoadsEvery{200};

rpc::Role role_of(model::NodeId id) {
  if (id.value >= kFirstRelayId) return rpc::Role::kRelay;
  return id.value >= kFirstSchedulerId ? rpc::Role::kScheduler : rpc::Role::kEdge;
}

}  // namespace

NodeHub::NodeHub(io::Reactor& reactor, const ConfigState& state, const Clock& clock, Options options, Enrol enrol,
                 Ship ship, ShipLogs ship_logs)
    : reactor_(reactor),
      state_(state),
      clock_(clock),
      options_(options),
      enrol_(std::move(enrol)),
      ship_(std::move(ship)),
      ship_logs_(std::move(ship_logs)) {
  reactor_.spawn_into(scope_, watch_silence());
  reactor_.spawn_into(scope_, tell_loads());
}

void NodeHub::open() {
  peers_.clear();
  relays_.clear();
  for (NodeObserver* observer : observers_) observer->on_forgotten();
  is_settled_ = false;
  is_open_.store(true, std::memory_order_release);
  reactor_.spawn_into(scope_, settle(++openings_));
}

void NodeHub::close(const std::string& reason) {
  is_open_.store(false, std::memory_order_release);
  ++openings_;
  for (auto& [id, peer] : peers_) {
    if (peer.is_connected()) peer.session->close(reason);
  }
  peers_.clear();
  for (auto& [id, relay] : relays_) {
    if (relay.session) relay.session->close(reason);
  }
  relays_.clear();
  for (NodeObserver* observer : observers_) observer->on_forgotten();
  changed_.clear();
  probes_ = {};
}

const NodePeer* NodeHub::find(model::NodeId id) const {
  const auto it = peers_.find(id);
  return it == peers_.end() ? nullptr : &it->second;
}

NodePeer* NodeHub::find(model::NodeId id) {
  const auto it = peers_.find(id);
  return it == peers_.end() ? nullptr : &it->second;
}

std::vector<NodePeer*> NodeHub::connected(rpc::Role role) {
  // All edges, then all schedulers.
  const auto border = peers_.lower_bound(model::NodeId{kFirstSchedulerId});
  const bool is_edge = role == rpc::Role::kEdge;
  std::vector<NodePeer*> out;
  for (auto it = is_edge ? peers_.begin() : border; it != (is_edge ? border : peers_.end()); ++it) {
    if (it->second.is_connected()) out.push_back(&it->second);
  }
  return out;
}

std::vector<model::NodeState> NodeHub::node_states() const {
  std::vector<model::NodeState> out;
  const model::SnapshotPtr config = state_.current();
  for (const auto& [id, entry] : config->nodes) {
    const NodePeer* peer = find(id);
    model::NodeState state = peer != nullptr ? peer->state : model::NodeState{};
    state.node = id;
    state.draining = state.draining || entry.value->draining;
    out.push_back(std::move(state));
  }
  return out;
}

// ---- the channel's threads

Result<std::optional<rpc::Welcome>> NodeHub::on_hello(const rpc::NodeSessionPtr& session) {
  if (!is_open()) return fail(Code::kUnavailable, "another instance of control leads");
  const model::SnapshotPtr config = state_.current();
  if (session->role() != role_of(session->node())) {
    return fail(Code::kPermission, "the certificate is for the other role");
  }
  if (session->role() == rpc::Role::kEdge && config->nodes.find(session->node()) == nullptr) {
    return fail(Code::kPermission, "there is no node " + to_string(session->node()));
  }
  reactor_.post([this, session] { attach(session); });
  return rpc::Welcome{session->node(), config->seq, model::PurgeSeq{purge_head_.load(std::memory_order_acquire)}};
}

void NodeHub::on_message(const rpc::NodeSessionPtr& session, rpc::NodeMessage message) {
  if (auto* shipment = std::get_if<rpc::UsageShipment>(&message)) {
    ship_(session, std::move(*shipment));
    return;
  }
  if (auto* logs = std::get_if<rpc::LogShipment>(&message)) {
    ship_logs_(session, std::move(*logs));
    return;
  }
  reactor_.post([this, session, held = std::move(message)] { receive(session, held); });
}

void NodeHub::on_behind(const rpc::NodeSessionPtr& session, const rpc::Behind& behind) {
  reactor_.post([this, session, behind] {
    if (NodePeer* peer = peer_of(session)) {
      for (NodeObserver* observer : observers_) observer->on_behind(*peer, behind);
    }
  });
}

void NodeHub::on_closed(const rpc::NodeSessionPtr& session, const std::string& reason) {
  reactor_.post([this, session, reason] { detach(session, reason); });
}

// ---- the reactor's thread

NodePeer* NodeHub::peer_of(const rpc::NodeSessionPtr& session) {
  const auto it = peers_.find(session->node());
  return it != peers_.end() && it->second.session == session ? &it->second : nullptr;
}

void NodeHub::attach(const rpc::NodeSessionPtr& session) {
  if (!is_open()) {  // closed since the greeting
    session->close("another instance of control leads");
    return;
  }
  const rpc::Hello& hello = session->hello();
  if (session->role() == rpc::Role::kRelay) {
    log::info("relay {} connected from {}", hello.name, session->peer());
    relays_[session->node()] = {.name = hello.name, .version = hello.version, .session = session};
    return;
  }
  NodePeer& peer = peers_[session->node()];
  peer.id = session->node();
  peer.role = session->role();
  peer.name = hello.name;
  peer.version = hello.version;
  peer.session = session;
  peer.state.node = peer.id;
  peer.state.connected = true;
  peer.state.ready = false;
  peer.state.acked_config = hello.applied_config;
  peer.state.applied_purge = hello.applied_purge;
  peer.state.last_heartbeat = clock_.wall();
  peer.config_sent = {};
  peer.config_was_delta = false;
  peer.config_needs_snapshot = false;
  peer.config_refused = {};
  peer.config_error.clear();
  if (const model::Node* node = state_.current()->nodes.find(peer.id)) {
    peer.name = node->name;
    peer.state.draining = node->draining;
    session->send(rpc::SetDrain{node->draining});
  }
  log::info("{} {} connected from {} (config {}, purge {})", peer.role == rpc::Role::kEdge ? "node" : "scheduler",
            peer.name, session->peer(), hello.applied_config.value, hello.applied_purge.value);
  for (NodeObserver* observer : observers_) observer->on_attached(peer, hello);
  if (peer.role == rpc::Role::kScheduler) {
    send_all_states(peer);
  } else {
    note_change(peer);
  }
}

void NodeHub::detach(const rpc::NodeSessionPtr& session, const std::string& reason) {
  if (const auto relay = relays_.find(session->node()); relay != relays_.end() && relay->second.session == session) {
    log::info("relay {} went away: {}", relay->second.name, reason);
    relay->second.session.reset();
  }
  NodePeer* peer = peer_of(session);
  if (peer == nullptr) return;
  log::info("{} went away: {}", peer->name, reason);
  peer->session.reset();
  peer->state.connected = false;
  peer->state.ready = false;
  peer->purge_catching_up = false;
  probes_.forget(peer->id);
  note_change(*peer);
  for (NodeObserver* observer : observers_) observer->on_detached(*peer);
}

void NodeHub::receive(const rpc::NodeSessionPtr& session, const rpc::NodeMessage& message) {
  NodePeer* peer = peer_of(session);
  if (peer == nullptr) return;
  std::visit([this, peer](const auto& body) { receive(*peer, body); }, message);
}

void NodeHub::receive(NodePeer& peer, const model::Heartbeat& heartbeat) {
  const model::Node* node = state_.current()->nodes.find(peer.id);
  const bool draining = heartbeat.draining || (node != nullptr && node->draining);
  const bool is_news = peer.state.ready != heartbeat.ready || peer.state.draining != draining;
  peer.state.ready = heartbeat.ready;
  peer.state.draining = draining;
  peer.state.load = heartbeat.load;
  peer.state.last_heartbeat = clock_.wall();
  raise_applied(peer, heartbeat.applied_purge);
  is_news ? note_change(peer) : note_load(peer);
}

void NodeHub::receive(NodePeer& peer, const rpc::ConfigAck& ack) {
  if (ack.ok) {
    peer.state.acked_config = std::max(peer.state.acked_config, ack.seq);
    if (peer.config_refused <= ack.seq) peer.config_error.clear();
  } else {
    log::warn("{} refused configuration {}: {}", peer.name, ack.seq.value, ack.reason);
    peer.config_refused = std::max(peer.config_refused, ack.seq);
    peer.config_error = ack.reason;
  }
  note_change(peer);
  for (NodeObserver* observer : observers_) observer->on_config_ack(peer, ack);
}

void NodeHub::receive(NodePeer& peer, const rpc::PurgeAck& ack) { raise_applied(peer, ack.applied); }

void NodeHub::receive(NodePeer& peer, const rpc::PrefetchResult& result) {
  for (NodeObserver* observer : observers_) observer->on_prefetch_result(peer, result);
}

void NodeHub::receive(NodePeer& peer, const rpc::HealthReport& report) {
  if (peer.role != rpc::Role::kScheduler) return;
  probes_.take(peer.id, report.verdicts);
  for (const model::HealthVerdict& verdict : report.verdicts) {
    if (verdict.health == model::Health::kDown) {
      log::warn("scheduler {} finds node {} down: {}", peer.name, verdict.node.value, verdict.reason);
    }
  }
}

void NodeHub::receive(NodePeer& peer, const rpc::CorrectionReport& report) {
  if (peer.role != rpc::Role::kEdge) return;
  std::vector<rpc::Correction> corrections = report.corrections;
  for (rpc::Correction& correction : corrections) correction.from = peer.id;
  corrections_.take(corrections, clock_.wall());
}

void NodeHub::raise_applied(NodePeer& peer, model::PurgeSeq applied) {
  if (applied <= peer.state.applied_purge) return;
  peer.state.applied_purge = applied;
  note_load(peer);
  for (NodeObserver* observer : observers_) observer->on_purge_applied(peer);
}

void NodeHub::on_config(const model::SnapshotPtr& config) {
  std::vector<model::NodeId> gone;
  for (auto& [id, peer] : peers_) {
    if (peer.role != rpc::Role::kEdge) continue;
    const model::Node* node = config->nodes.find(id);
    if (node == nullptr) {
      gone.push_back(id);
      continue;
    }
    peer.name = node->name;
    if (peer.is_connected() && peer.state.draining != node->draining) {
      peer.state.draining = node->draining;
      peer.session->send(rpc::SetDrain{node->draining});
      note_change(peer);
    }
  }
  for (const model::NodeId id : gone) {
    if (const rpc::NodeSessionPtr session = peers_[id].session) {
      detach(session, "removed from the configuration");
      session->close("the node was removed from the configuration");
    }
    peers_.erase(id);
  }
}

void NodeHub::note_change(NodePeer& peer) {
  if (peer.role != rpc::Role::kEdge) return;
  changed_.insert(peer.id);
  if (std::exchange(is_telling_, true)) return;
  reactor_.post([this] { tell_schedulers(); });
}

void NodeHub::note_load(NodePeer& peer) {
  if (peer.role != rpc::Role::kEdge) return;
  changed_.insert(peer.id);
  has_new_loads_ = true;
}

io::Task<void> NodeHub::tell_loads() {
  for (;;) {
    co_await io::sleep_for(kTellLoadsEvery);
    if (has_new_loads_) tell_schedulers();
  }
}

void NodeHub::tell_schedulers() {
  is_telling_ = has_new_loads_ = false;
  const std::vector<NodePeer*> schedulers = connected(rpc::Role::kScheduler);
  if (schedulers.empty()) {
    changed_.clear();
    return;
  }
  rpc::NodeStates news;
  for (const model::NodeId id : changed_) {
    if (const NodePeer* peer = find(id)) news.states.push_back(peer->state);
  }
  changed_.clear();
  if (news.states.empty()) return;
  for (NodePeer* scheduler : schedulers) scheduler->session->send(news);
}

void NodeHub::send_all_states(NodePeer& scheduler) {
  rpc::NodeStates all;
  all.complete = is_settled_;
  if (is_settled_) {
    all.states = node_states();
  } else {
    for (const auto& [id, peer] : peers_) {
      if (peer.role == rpc::Role::kEdge) all.states.push_back(peer.state);
    }
  }
  scheduler.session->send(std::move(all));
}

/// From then on a node that was not seen is away.
io::Task<void> NodeHub::settle(std::uint64_t opening) {
  co_await io::sleep_for(options_.grace);
  if (opening != openings_) co_return;
  is_settled_ = true;
  for (NodePeer* scheduler : connected(rpc::Role::kScheduler)) send_all_states(*scheduler);
}

io::Task<void> NodeHub::watch_silence() {
  for (;;) {
    co_await io::sleep_for(options_.silence / 5);
    const WallTime now = clock_.wall();
    for (NodePeer* peer : connected(rpc::Role::kEdge)) {
      if (!peer->state.ready || now - peer->state.last_heartbeat < options_.silence) continue;
      log::warn("node {} is silent", peer->name);
      peer->state.ready = false;
      note_change(*peer);
    }
  }
}

}  // namespace yz::control
