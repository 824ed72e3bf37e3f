#include "rpc/control_queue.h"

#include <algorithm>
#include <utility>

namespace yz::rpc {
namespace {

// After this many other messages a waiting configuration gets its turn.
constexpr unsigned kUrgentBurst = 8;

const SharedBytes* payload_of(const ControlMessage& message) {
  if (const auto* relayed = std::get_if<RelayedDown>(&message)) {
    const auto* box = boxed<ControlMessageBox>(*relayed);
    return box == nullptr ? nullptr : payload_of(box->message);
  }
  if (const auto* m = std::get_if<ConfigSnapshotUpdate>(&message)) return &m->snapshot;
  if (const auto* m = std::get_if<ConfigDeltaUpdate>(&message)) return &m->delta;
  if (const auto* m = std::get_if<PurgeRecords>(&message)) return &m->records;
  return nullptr;
}

std::size_t payload_size(const ControlMessage& message) {
  const SharedBytes* payload = payload_of(message);
  return payload != nullptr && *payload ? (*payload)->size() : 0;
}

/// Of messages that go to many nodes; others count as different.
bool are_the_same(const ControlMessage& a, const ControlMessage& b) {
  if (a.index() != b.index()) return false;
  if (const auto* purges = std::get_if<PurgeRecords>(&a)) {
    const auto& other = std::get<PurgeRecords>(b);
    return purges->records == other.records && purges->first == other.first && purges->last == other.last;
  }
  if (const auto* snapshot = std::get_if<ConfigSnapshotUpdate>(&a)) {
    const auto& other = std::get<ConfigSnapshotUpdate>(b);
    return snapshot->snapshot == other.snapshot && snapshot->seq == other.seq;
  }
  if (const auto* delta = std::get_if<ConfigDeltaUpdate>(&a)) {
    const auto& other = std::get<ConfigDeltaUpdate>(b);
    return delta->delta == other.delta && delta->from == other.from && delta->to == other.to;
  }
  return false;
}

void merge_states(NodeStates& into, const NodeStates& from) {
  if (from.complete) {
    into = from;
    return;
  }
  for (const model::NodeState& state : from.states) {
    const auto it = std::find_if(into.states.begin(), into.states.end(),
                                 [&](const model::NodeState& other) { return other.node == state.node; });
    if (it != into.states.end()) {
      *it = state;
    } else {
      into.states.push_back(state);
    }
  }
}

}  // namespace

/// What a relay passes on goes in the lane it would go in without one. The same for many nodes is one message: they
/// are told one after the other.
bool ControlQueue::push_relayed(RelayedDown message) {
  const auto* box = boxed<ControlMessageBox>(message);
  const bool is_config = box != nullptr && (std::holds_alternative<ConfigSnapshotUpdate>(box->message) ||
                                            std::holds_alternative<ConfigDeltaUpdate>(box->message));
  std::deque<Item>& lane = is_config ? config_ : urgent_;
  const SharedBytes* payload = box == nullptr ? nullptr : payload_of(box->message);
  if (box != nullptr && !lane.empty() && lane.back().sent == 0) {
    auto* last = std::get_if<RelayedDown>(&lane.back().message);
    const auto* other = last == nullptr ? nullptr : boxed<ControlMessageBox>(*last);
    if (other != nullptr && are_the_same(other->message, box->message)) {
      last->sessions.insert(last->sessions.end(), message.sessions.begin(), message.sessions.end());
      return true;
    }
  }
  const std::size_t size = payload != nullptr && *payload ? (*payload)->size() : 0;
  if (urgent_.size() + config_.size() >= limits_.other_messages ||
      (relayed_bytes_ > 0 && relayed_bytes_ + size > limits_.relayed_bytes)) {
    return false;
  }
  relayed_bytes_ += size;
  lane.push_back({std::move(message)});
  return true;
}

bool ControlQueue::push(ControlMessage message) {
  if (auto* relayed = std::get_if<RelayedDown>(&message)) return push_relayed(std::move(*relayed));
  if (std::holds_alternative<ConfigSnapshotUpdate>(message) || std::holds_alternative<ConfigDeltaUpdate>(message)) {
    return push_config(std::move(message));
  }
  if (std::holds_alternative<PurgeRecords>(message) || std::holds_alternative<PurgeResync>(message)) {
    return push_purge(std::move(message));
  }
  if (merge(message)) return true;
  if (urgent_.size() >= limits_.other_messages) return false;
  urgent_.push_back({std::move(message)});
  return true;
}

bool ControlQueue::push_config(ControlMessage message) {
  if (std::holds_alternative<ConfigSnapshotUpdate>(message)) {
    config_.clear();  // also one half sent: a piece at offset 0 starts anew
    behind_.config = false;
  } else if (behind_.config) {
    return true;
  } else if (config_.size() >= limits_.config_messages) {
    config_.clear();
    behind_.config = true;
    return true;
  }
  config_.push_back({std::move(message)});
  return true;
}

bool ControlQueue::push_purge(ControlMessage message) {
  if (behind_.purge_from) return true;
  const std::size_t size = payload_size(message);
  if (purge_bytes_ > 0 && purge_bytes_ + size > limits_.purge_bytes) {
    const auto* records = std::get_if<PurgeRecords>(&message);
    behind_.purge_from = records != nullptr ? records->first : std::get<PurgeResync>(message).seq;
    return true;
  }
  purge_bytes_ += size;
  urgent_.push_back({std::move(message)});
  return true;
}

bool ControlQueue::merge(const ControlMessage& message) {
  if (!std::holds_alternative<NodeStates>(message) && !std::holds_alternative<SetDrain>(message)) return false;
  for (Item& item : urgent_) {
    if (item.message.index() != message.index()) continue;
    if (auto* states = std::get_if<NodeStates>(&item.message)) {
      merge_states(*states, std::get<NodeStates>(message));
      return true;
    }
    if (std::holds_alternative<SetDrain>(message)) {
      item.message = message;
      return true;
    }
  }
  return false;
}

std::optional<ControlQueue::Frame> ControlQueue::next() {
  const bool config_turn = !config_.empty() && (urgent_.empty() || urgent_in_a_row_ >= kUrgentBurst);
  if (config_turn) {
    urgent_in_a_row_ = 0;
    return next_of(config_);
  }
  if (urgent_.empty()) return std::nullopt;
  ++urgent_in_a_row_;
  return next_of(urgent_);
}

std::optional<ControlQueue::Frame> ControlQueue::next_of(std::deque<Item>& lane) {
  Item& item = lane.front();
  const std::size_t total = payload_size(item.message);
  const Slice slice = next_slice(item.sent, total);
  item.sent += slice.size;
  if (item.sent < total) return Frame{item.message, slice};
  Frame frame{std::move(item.message), slice};
  if (std::holds_alternative<PurgeRecords>(frame.message)) purge_bytes_ -= total;
  if (std::holds_alternative<RelayedDown>(frame.message)) relayed_bytes_ -= total;
  lane.pop_front();
  return frame;
}

std::optional<Behind> ControlQueue::take_behind() {
  if (!urgent_.empty() || !config_.empty()) return std::nullopt;
  if (!behind_.config && !behind_.purge_from) return std::nullopt;
  return std::exchange(behind_, {});
}

NodeSession::QueueState ControlQueue::state() const {
  NodeSession::QueueState state;
  state.messages = urgent_.size() + config_.size();
  for (const auto* lane : {&urgent_, &config_}) {
    for (const Item& item : *lane) state.bytes += payload_size(item.message) - item.sent;
  }
  state.behind = behind_.config || behind_.purge_from.has_value();
  return state;
}

}  // namespace yz::rpc
