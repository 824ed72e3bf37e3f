#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "geo/region.h"
#include "model/config_snapshot.h"
#include "model/node_state.h"

namespace yz::sched {

/// What a prober (or load control) says about a node.
struct NodeSignal {
  model::NodeId node;
  model::Health health = model::Health::kUnknown;
  double share = 1.0;  ///< of its weight, 0-1: slow start after recovery, load shedding
  std::string reason;  ///< of the last failure, for explain
};

/// What to think of a node that has neither a state from control nor a signal.
enum class Unreported : std::uint8_t {
  kAway,   ///< it has not joined: no traffic (schedulers under control)
  kReady,  ///< it is as configured (a scheduler run from a file, an edge judging where a viewer belongs)
};

/// Whether a node may take new viewers, before any barrier.
enum class Standing : std::uint8_t {
  kUp,
  kSuspect,  ///< takes viewers, with a short TTL
  kDown,     ///< probes fail, or its agent says it is not ready, or it is away and unprobed
  kClosed,   ///< by an operator: disabled, draining, weight 0; never used, not even in a panic
};

struct NodeView {
  model::NodeId id;
  model::NodeGroupId group;
  std::shared_ptr<const model::Node> config;  ///< shared with the snapshot
  Standing standing = Standing::kDown;
  double weight = 0;  ///< configured weight times share
  model::ConfigSeq acked;
  std::string reason;  ///< why it stands so, one short sentence
};

struct GroupView {
  model::NodeGroupId id;
  std::string name;
  geo::Country country;
  geo::Province province = geo::Province::kNone;
  std::vector<geo::Isp> isps;             ///< empty: all lines
  std::vector<std::uint32_t> node_index;  ///< into SchedView::nodes()

  [[nodiscard]] bool has_isp(geo::Isp isp) const;
  [[nodiscard]] bool is_multi_line() const { return isps.size() != 1; }
};

/// Configuration, node states and probe verdicts at one instant, joined: what every decision is made from. Immutable;
/// any thread may read. Building costs O(nodes + groups); do it on each change and swap the pointer.
class SchedView {
 public:
  [[nodiscard]] static std::shared_ptr<const SchedView> build(model::SnapshotPtr config,
                                                              std::span<const model::NodeState> states,
                                                              std::span<const NodeSignal> signals,
                                                              Unreported unreported);

  [[nodiscard]] const model::ConfigSnapshot& config() const { return *config_; }
  /// The nodes of enabled L1 groups, in id order.
  [[nodiscard]] const std::vector<NodeView>& nodes() const { return nodes_; }
  /// The enabled L1 groups, in id order.
  [[nodiscard]] const std::vector<GroupView>& groups() const { return groups_; }
  /// Null when there is none.
  [[nodiscard]] const GroupView* find_group(model::NodeGroupId id) const;
  [[nodiscard]] const NodeView* find_node(model::NodeId id) const;

 private:
  SchedView() = default;
  model::SnapshotPtr config_;
  std::vector<NodeView> nodes_;
  std::vector<GroupView> groups_;
  std::unordered_map<model::NodeGroupId, std::uint32_t> group_index_;
  std::unordered_map<model::NodeId, std::uint32_t> node_index_;
};

}  // namespace yz::sched
