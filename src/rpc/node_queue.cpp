#include "rpc/node_queue.h"

#include <utility>

namespace yz::rpc {
namespace {

constexpr std::size_t kFixedCost = 128;  // of a message besides its strings

std::size_t payload_size(const NodeMessage& message) {
  if (const auto* relayed = std::get_if<RelayedUp>(&message)) {
    const auto* box = boxed<NodeMessageBox>(*relayed);
    return box == nullptr ? 0 : payload_size(box->message);
  }
  if (const auto* usage = std::get_if<UsageShipment>(&message)) return usage->batch ? usage->batch->size() : 0;
  if (const auto* logs = std::get_if<LogShipment>(&message)) return logs->batch ? logs->batch->size() : 0;
  return 0;
}

std::size_t cost_of(const NodeMessage& message) {
  if (const auto* relayed = std::get_if<RelayedUp>(&message)) {
    const auto* box = boxed<NodeMessageBox>(*relayed);
    return relayed->sessions.size() * sizeof(std::uint64_t) + (box == nullptr ? kFixedCost : cost_of(box->message));
  }
  std::size_t cost = kFixedCost + payload_size(message);
  if (const auto* result = std::get_if<PrefetchResult>(&message)) {
    for (const PrefetchedUrl& url : result->urls) cost += kFixedCost + url.url.size() + url.reason.size();
    for (const std::string& link : result->links) cost += kFixedCost + link.size();
  } else if (const auto* health = std::get_if<HealthReport>(&message)) {
    cost += health->verdicts.size() * kFixedCost;
  } else if (const auto* report = std::get_if<CorrectionReport>(&message)) {
    cost += report->corrections.size() * kFixedCost;
  }
  return cost;
}

bool covers(const NodeMessage& newer, const NodeMessage& older) {
  if (newer.index() != older.index()) return false;
  if (std::holds_alternative<model::Heartbeat>(newer)) return true;
  if (const auto* ack = std::get_if<PurgeAck>(&newer)) return ack->applied >= std::get<PurgeAck>(older).applied;
  if (const auto* ack = std::get_if<ConfigAck>(&newer)) {
    const ConfigAck& before = std::get<ConfigAck>(older);
    return ack->ok && before.ok && ack->seq >= before.seq;  // a refusal is always told
  }
  return false;
}

}  // namespace

bool NodeQueue::replace(const NodeMessage& message) {
  for (Item& item : items_) {
    if (!covers(message, item.message)) continue;
    item.message = message;
    return true;
  }
  return false;
}

bool NodeQueue::push(NodeMessage message) {
  if (std::holds_alternative<LogShipment>(message)) {
    if (!logs_.empty()) return false;
    logs_.push_back({std::move(message)});
    return true;
  }
  const auto* relayed = std::get_if<RelayedUp>(&message);
  if (relayed == nullptr && replace(message)) return true;
  const std::size_t cost = cost_of(message);
  if (bytes_ > 0 && bytes_ + cost > max_bytes_) return false;
  bytes_ += cost;
  const auto* box = relayed == nullptr ? nullptr : boxed<NodeMessageBox>(*relayed);
  const bool is_log = box != nullptr && std::holds_alternative<LogShipment>(box->message);
  (is_log ? logs_ : items_).push_back({std::move(message), cost, 0});
  return true;
}

std::optional<NodeQueue::Frame> NodeQueue::next() {
  if (!items_.empty()) return next_of(items_);
  if (!logs_.empty()) return next_of(logs_);
  return std::nullopt;
}

std::optional<NodeQueue::Frame> NodeQueue::next_of(std::deque<Item>& lane) {
  Item& item = lane.front();
  const std::size_t total = payload_size(item.message);
  const Slice slice = next_slice(item.sent, total);
  item.sent += slice.size;
  if (item.sent < total) return Frame{item.message, slice};
  Frame frame{std::move(item.message), slice};
  bytes_ -= item.size;
  lane.pop_front();
  return frame;
}

void NodeQueue::clear() {
  items_.clear();
  logs_.clear();
  bytes_ = 0;
}

}  // namespace yz::rpc
