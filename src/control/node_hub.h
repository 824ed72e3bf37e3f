#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "control/config_state.h"
#include "control/correction_board.h"
#include "control/probe_board.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "model/node_state.h"
#include "rpc/node_server.h"

namespace yz::control {

/// Ids from here on are schedulers', given at enrolment; nodes' ids come from the database and are far below.
inline constexpr std::uint64_t kFirstSchedulerId = 1ULL << 40;
/// And from here on relays'.
inline constexpr std::uint64_t kFirstRelayId = 1ULL << 41;

/// A node or scheduler as control knows it now. Kept while it is away; on the reactor's thread.
struct NodePeer {
  model::NodeId id;
  rpc::Role role = rpc::Role::kEdge;
  std::string name;
  std::string version;            ///< of its program
  rpc::NodeSessionPtr session;    ///< null: away. Shared with the server, which may outlive our use of it
  model::NodeState state;         ///< for a scheduler only `connected` and `acked_config` mean anything
  model::ConfigSeq config_sent;   ///< what its next delta starts from; zero: it needs a snapshot
  bool config_was_delta = false;  ///< how `config_sent` went out
  bool config_needs_snapshot = false;
  model::ConfigSeq config_refused;  ///< newest version it refused; zero: none
  std::string config_error;         ///< why
  model::PurgeSeq purge_sent;       ///< records up to here are on their way
  bool purge_catching_up = false;   ///< records come from the log; pushing waits

  [[nodiscard]] bool is_connected() const { return session != nullptr; }
};

/// A relay as control knows it now. Kept while it is away; on the reactor's thread.
struct RelayPeer {
  std::string name;
  std::string version;
  rpc::NodeSessionPtr session;  ///< null: away
};

/// What the parts of control want to hear about nodes. All calls come on the reactor's thread.
class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  /// A session begins; `hello` says what the node has.
  virtual void on_attached(NodePeer& /*peer*/, const rpc::Hello& /*hello*/) {}
  virtual void on_detached(NodePeer& /*peer*/) {}
  virtual void on_config_ack(NodePeer& /*peer*/, const rpc::ConfigAck& /*ack*/) {}
  /// `peer.state.applied_purge` has grown.
  virtual void on_purge_applied(NodePeer& /*peer*/) {}
  virtual void on_prefetch_result(NodePeer& /*peer*/, const rpc::PrefetchResult& /*result*/) {}
  virtual void on_behind(NodePeer& /*peer*/, const rpc::Behind& /*behind*/) {}
  /// The hub begins anew: no peer is known any more, and those there were did not detach.
  virtual void on_forgotten() {}
};

/// Keeps the sessions of all nodes and schedulers, their states, and tells schedulers about every change that matters
/// for who is served within the same turn of the loop, about mere loads a little later and together. Takes sessions
/// only while it is open: the nodes talk to the instance that leads. Belongs to the reactor's thread; the
/// NodeServerEvents side is called on the channel's threads and posts.
class NodeHub final : public rpc::NodeServerEvents {
 public:
  struct Options {
    /// After opening, nodes not seen yet are not reported as gone before this: schedulers keep what they know.
    std::chrono::milliseconds grace{10'000};
    /// A connected node that says nothing for so long is not ready.
    std::chrono::milliseconds silence{5'000};
  };
  using Enrol = std::function<void(rpc::EnrolRequest, EnrolReply)>;
  using Ship = std::function<void(const rpc::NodeSessionPtr&, rpc::UsageShipment)>;
  using ShipLogs = std::function<void(const rpc::NodeSessionPtr&, rpc::LogShipment)>;

  /// `enrol`, `ship` and `ship_logs` are called on the channel's threads. `state` and `clock` outlive the hub.
  NodeHub(io::Reactor& reactor, const ConfigState& state, const Clock& clock, Options options, Enrol enrol, Ship ship,
          ShipLogs ship_logs);

  /// Observers outlive the hub's use. In the order added. Before the first session.
  void add_observer(NodeObserver& observer) { observers_.push_back(&observer); }
  /// The number Welcome promises to bring a node to. Any thread.
  void set_purge_head(model::PurgeSeq head) { purge_head_.store(head.value, std::memory_order_release); }

  /// Sessions are taken from now on; nothing is known of any node.
  void open();
  /// Ends all sessions, without telling the observers, and takes no more: the nodes look for another instance.
  void close(const std::string& reason);
  [[nodiscard]] bool is_open() const { return is_open_.load(std::memory_order_acquire); }

  /// A newer configuration: nodes it no longer has are dropped, drain flags passed on, names taken over.
  void on_config(const model::SnapshotPtr& config);

  /// All known, schedulers included, by id.
  [[nodiscard]] const std::map<model::NodeId, NodePeer>& peers() const { return peers_; }
  [[nodiscard]] const std::map<model::NodeId, RelayPeer>& relays() const { return relays_; }
  [[nodiscard]] const NodePeer* find(model::NodeId id) const;
  [[nodiscard]] NodePeer* find(model::NodeId id);
  /// Edges with a session.
  [[nodiscard]] std::vector<NodePeer*> connected(rpc::Role role);
  /// Sends schedulers what they have not been told yet, now: before something that builds on it.
  void tell_schedulers();
  /// The states of all configured nodes, those never seen as away: what explain decides with.
  [[nodiscard]] std::vector<model::NodeState> node_states() const;
  /// What connected schedulers see of the nodes from outside.
  [[nodiscard]] const ProbeBoard& probes() const { return probes_; }
  /// The last hour's redirects of viewers who came to the wrong node.
  [[nodiscard]] std::vector<rpc::Correction> recent_corrections() const { return corrections_.recent(clock_.wall()); }

  // On the channel's threads:
  void on_enrol(rpc::EnrolRequest request, EnrolReply reply) override { enrol_(std::move(request), std::move(reply)); }
  Result<std::optional<rpc::Welcome>> on_hello(const rpc::NodeSessionPtr& session) override;
  void on_message(const rpc::NodeSessionPtr& session, rpc::NodeMessage message) override;
  void on_behind(const rpc::NodeSessionPtr& session, const rpc::Behind& behind) override;
  void on_closed(const rpc::NodeSessionPtr& session, const std::string& reason) override;

 private:
  void attach(const rpc::NodeSessionPtr& session);
  void detach(const rpc::NodeSessionPtr& session, const std::string& reason);
  void receive(const rpc::NodeSessionPtr& session, const rpc::NodeMessage& message);
  void receive(NodePeer& peer, const model::Heartbeat& heartbeat);
  void receive(NodePeer& peer, const rpc::ConfigAck& ack);
  void receive(NodePeer& peer, const rpc::PurgeAck& ack);
  void receive(NodePeer& peer, const rpc::PrefetchResult& result);
  void receive(NodePeer& peer, const rpc::HealthReport& report);
  void receive(NodePeer& peer, const rpc::CorrectionReport& report);
  void receive(NodePeer& /*peer*/, const rpc::UsageShipment& /*shipment*/) {}  // taken on the channel's thread
  void receive(NodePeer& /*peer*/, const rpc::LogShipment& /*shipment*/) {}    // the same
  void receive(NodePeer& /*peer*/, const rpc::RelayedUp& /*message*/) {}       // never comes as far
  void raise_applied(NodePeer& peer, model::PurgeSeq applied);
  void note_change(NodePeer& peer);
  void note_load(NodePeer& peer);
  void send_all_states(NodePeer& scheduler);
  io::Task<void> settle(std::uint64_t opening);
  io::Task<void> watch_silence();
  io::Task<void> tell_loads();
  /// The peer whose session this still is, or null.
  NodePeer* peer_of(const rpc::NodeSessionPtr& session);

  io::Reactor& reactor_;
  const ConfigState& state_;
  const Clock& clock_;
  const Options options_;
  const Enrol enrol_;
  const Ship ship_;
  const ShipLogs ship_logs_;
  std::vector<NodeObserver*> observers_;
  std::map<model::NodeId, NodePeer> peers_;
  std::map<model::NodeId, RelayPeer> relays_;
  ProbeBoard probes_;
  CorrectionBoard corrections_;
  std::set<model::NodeId> changed_;  // edges to tell schedulers about
  bool is_telling_ = false;
  bool has_new_loads_ = false;
  std::atomic<bool> is_open_{false};
  std::uint64_t openings_ = 0;
  bool is_settled_ = false;  // the grace after the last opening is over
  std::atomic<std::uint64_t> purge_head_{0};
  io::TaskScope scope_;
};

}  // namespace yz::control
