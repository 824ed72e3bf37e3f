#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "control/answer_count.h"
#include "control/node_hub.h"
#include "io/waiters.h"
#include "metrics/registry.h"

namespace yz::control {

/// How far the newest configuration has come.
struct Rollout {
  enum class Phase : std::uint8_t { kEdges, kSchedulers, kDone };
  enum class NodePhase : std::uint8_t { kCurrent, kWaiting, kRefused, kAway };
  struct Node {
    model::NodeId id;
    std::string name;
    rpc::Role role = rpc::Role::kEdge;
    NodePhase phase = NodePhase::kWaiting;
    model::ConfigSeq acked;
    std::string reason;
  };
  model::ConfigSeq seq;
  Phase phase = Phase::kDone;
  WallTime started;
  std::optional<std::chrono::microseconds> edges_took;  ///< until the last connected edge had answered
  std::optional<std::chrono::microseconds> total_took;  ///< until the last connected scheduler had, too
  std::vector<Node> nodes;
};

/// Pushes every new configuration to all sessions as a delta (or a snapshot to who has no base for one), in the order
/// of the routing barrier: edges first, schedulers when all connected edges have answered, or after `patience`. What
/// only takes away (a domain removed or disabled) goes the other way round. A refusal counts as an answer: the node
/// keeps its old version and schedulers see that from its acknowledged number.
/// Belongs to the reactor's thread.
class Publisher final : public NodeObserver {
 public:
  struct Options {
    std::chrono::milliseconds debounce{3};     ///< changes closer than this go out together
    std::chrono::milliseconds patience{2000};  ///< for the barrier
    std::size_t history = 256;                 ///< versions kept as bases of deltas
  };
  Publisher(io::Reactor& reactor, NodeHub& hub, const Clock& clock, metrics::Registry& metrics, Options options);

  /// A newer configuration was committed.
  void publish(model::SnapshotPtr config);

  [[nodiscard]] Rollout rollout() const;
  /// Notified when rollout() may have changed.
  [[nodiscard]] io::Waiters& changed() { return changed_; }

  void on_attached(NodePeer& peer, const rpc::Hello& hello) override;
  void on_detached(NodePeer& peer) override;
  void on_config_ack(NodePeer& peer, const rpc::ConfigAck& ack) override;
  void on_behind(NodePeer& peer, const rpc::Behind& behind) override;
  void on_forgotten() override;

 private:
  struct Version {
    model::SnapshotPtr config;
    MonoTime published;
    bool schedulers_first = false;
    std::string hash;  // of the content; computed when first asked for
  };

  void publish_pending();
  void advance();
  void send(NodePeer& peer, const Version& version);
  void send_snapshot(NodePeer& peer, const Version& version);
  void note_sent(NodePeer& peer, model::ConfigSeq seq);
  Version* find(model::ConfigSeq seq);
  [[nodiscard]] const Version& limit_for(rpc::Role role);
  [[nodiscard]] bool have_answered(rpc::Role role, model::ConfigSeq seq) const;
  void count_answer(const NodePeer& peer);
  void bring_up(NodePeer& peer);
  void note_times();
  io::Task<void> wake_at(MonoTime when);

  io::Reactor& reactor_;
  NodeHub& hub_;
  const Clock& clock_;
  const Options options_;
  model::SnapshotPtr pending_;
  bool is_waiting_ = false;       // for the debounce to end
  std::deque<Version> versions_;  // oldest first; the last is what edges and schedulers are to reach
  std::map<std::pair<model::ConfigSeq, model::ConfigSeq>, rpc::SharedBytes> deltas_;  // of the newest versions
  std::pair<model::ConfigSeq, rpc::SharedBytes> snapshot_;                            // the last one encoded
  // Of the connected peers of a role, by its number: how far they have answered; what all were sent.
  std::array<AnswerCount, 2> answers_;
  std::array<model::ConfigSeq, 2> sent_to_all_;
  WallTime started_;
  std::optional<std::chrono::microseconds> edges_took_;
  std::optional<std::chrono::microseconds> total_took_;
  metrics::Histogram edges_time_;
  metrics::Histogram total_time_;
  metrics::Counter refusals_;
  metrics::Gauge seq_;
  io::Waiters changed_;
  io::TaskScope scope_;
};

}  // namespace yz::control
