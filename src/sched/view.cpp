#include "sched/view.h"

#include <algorithm>

#include <fmt/format.h>

namespace yz::sched {
namespace {

using model::Health;

struct Verdict {
  Standing standing;
  std::string reason;
};

std::string failing(const NodeSignal* signal) {
  return signal == nullptr || signal->reason.empty() ? "its probe fails"
                                                     : fmt::format("its probe fails: {}", signal->reason);
}

/// What is known of one node, weighed. Probes see what viewers see, so an up verdict beats an agent that is away or not
/// ready yet; without one, the agent's word counts.
Verdict judge(const model::Node& node, const model::NodeState* state, const NodeSignal* signal, Unreported unreported) {
  if (!node.enabled) return {Standing::kClosed, "disabled by an operator"};
  if (node.draining || (state != nullptr && state->draining)) return {Standing::kClosed, "draining"};
  if (node.weight == 0) return {Standing::kClosed, "its weight is 0"};

  const Health health = signal == nullptr ? Health::kUnknown : signal->health;
  if (health == Health::kDown) return {Standing::kDown, failing(signal)};
  if (state == nullptr && unreported == Unreported::kAway) return {Standing::kDown, "it has not joined"};
  if (health == Health::kSuspect) return {Standing::kSuspect, failing(signal)};

  const bool says_unready = state != nullptr && state->connected && !state->ready;
  if (health == Health::kUp) {
    if (says_unready) return {Standing::kSuspect, "its probe is fine, its agent says it is not ready"};
    return {Standing::kUp, "its probe is fine"};
  }
  if (says_unready) return {Standing::kDown, "its agent says it is not ready"};
  if (state != nullptr && !state->connected) return {Standing::kDown, "it is away and not probed yet"};
  return {Standing::kUp, state == nullptr ? "as configured" : "its agent says it is ready"};
}

GroupView view_of(const model::NodeGroup& group) {
  GroupView view;
  view.id = group.id;
  view.name = group.name;
  view.country = geo::Country::parse(group.place.country).value_or(geo::Country());
  view.province = geo::parse_province(group.place.province).value_or(geo::Province::kNone);
  if (!view.country.is_known() && view.province != geo::Province::kNone) view.country = geo::kChina;
  for (const std::string& name : group.isps) {
    if (const auto isp = geo::parse_isp(name)) view.isps.push_back(*isp);
  }
  return view;
}

template <typename T>
std::unordered_map<model::NodeId, const T*> by_node(std::span<const T> list) {
  std::unordered_map<model::NodeId, const T*> out;
  for (const T& one : list) out[one.node] = &one;
  return out;
}

}  // namespace

bool GroupView::has_isp(geo::Isp isp) const {
  return isps.empty() || std::find(isps.begin(), isps.end(), isp) != isps.end();
}

std::shared_ptr<const SchedView> SchedView::build(model::SnapshotPtr config, std::span<const model::NodeState> states,
                                                  std::span<const NodeSignal> signals, Unreported unreported) {
  const auto state_of = by_node(states);
  const auto signal_of = by_node(signals);
  std::shared_ptr<SchedView> view(new SchedView);
  for (const auto& [id, entry] : config->node_groups) {
    if (entry.value->tier != model::Tier::kL1 || !entry.value->enabled) continue;
    view->group_index_[id] = static_cast<std::uint32_t>(view->groups_.size());
    view->groups_.push_back(view_of(*entry.value));
  }
  for (const auto& [id, entry] : config->nodes) {
    const auto group = view->group_index_.find(entry.value->group);
    if (group == view->group_index_.end()) continue;
    const auto state = state_of.find(id);
    const auto signal = signal_of.find(id);
    const model::NodeState* known = state == state_of.end() ? nullptr : state->second;
    const NodeSignal* probed = signal == signal_of.end() ? nullptr : signal->second;
    Verdict verdict = judge(*entry.value, known, probed, unreported);

    NodeView node;
    node.id = id;
    node.group = entry.value->group;
    node.config = entry.value;
    node.standing = verdict.standing;
    node.reason = std::move(verdict.reason);
    node.weight = entry.value->weight * (probed == nullptr ? 1.0 : std::clamp(probed->share, 0.0, 1.0));
    if (known != nullptr) node.acked = known->acked_config;
    if (known == nullptr && unreported == Unreported::kReady) node.acked = config->seq;

    const auto index = static_cast<std::uint32_t>(view->nodes_.size());
    view->node_index_[id] = index;
    view->groups_[group->second].node_index.push_back(index);
    view->nodes_.push_back(std::move(node));
  }
  view->config_ = std::move(config);
  return view;
}

const GroupView* SchedView::find_group(model::NodeGroupId id) const {
  const auto it = group_index_.find(id);
  return it == group_index_.end() ? nullptr : &groups_[it->second];
}

const NodeView* SchedView::find_node(model::NodeId id) const {
  const auto it = node_index_.find(id);
  return it == node_index_.end() ? nullptr : &nodes_[it->second];
}

}  // namespace yz::sched
