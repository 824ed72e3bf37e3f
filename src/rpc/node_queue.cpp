#include "rpc/node_queue.h"

#include <utility>

namespace yz::rpc {
namespace {

constexpr std::size_t kFixedCost = 128;  // of a message besides its strings

std::size_t payload_size(const NodeMessage& message) {
  const auto* shipment = std::get_if<UsageShipment>(&message);
  return shipment != nullptr && shipment->batch ? shipment->batch->size() : 0;
}

std::size_t cost_of(const NodeMessage& message) {
  std::size_t cost = kFixedCost + payload_size(message);
  if (const auto* result = std::get_if<PrefetchResult>(&message)) {
    for (const PrefetchedUrl& url : result->urls) cost += kFixedCost + url.url.size() + url.reason.size();
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
  if (replace(message)) return true;
  const std::size_t cost = cost_of(message);
  if (bytes_ > 0 && bytes_ + cost > max_bytes_) return false;
  bytes_ += cost;
  items_.push_back({std::move(message), cost, 0});
  return true;
}

std::optional<NodeQueue::Frame> NodeQueue::next() {
  if (items_.empty()) return std::nullopt;
  Item& item = items_.front();
  const std::size_t total = payload_size(item.message);
  const Slice slice = next_slice(item.sent, total);
  item.sent += slice.size;
  if (item.sent < total) return Frame{item.message, slice};
  Frame frame{std::move(item.message), slice};
  bytes_ -= item.size;
  items_.pop_front();
  return frame;
}

void NodeQueue::clear() {
  items_.clear();
  bytes_ = 0;
}

}  // namespace yz::rpc
