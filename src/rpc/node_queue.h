#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "rpc/node_messages.h"
#include "rpc/payload.h"

namespace yz::rpc {

/// What waits to be written to control. A waiting heartbeat or acknowledgement gives way to a newer one that covers it.
/// Logs go when nothing else waits, a piece at a time: they hold nobody up. Not thread-safe; the client locks.
class NodeQueue {
 public:
  explicit NodeQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False when it would grow past its bound; of logs one shipment may wait, of those of a relay's nodes as many as
  /// fit.
  [[nodiscard]] bool push(NodeMessage message);

  struct Frame {
    NodeMessage message;
    Slice slice;  ///< of the payload
  };
  [[nodiscard]] std::optional<Frame> next();
  void clear();

 private:
  struct Item {
    NodeMessage message;
    std::size_t size = 0;  // estimated, counted against the bound
    std::size_t sent = 0;  // of the payload
  };
  bool replace(const NodeMessage& message);
  std::optional<Frame> next_of(std::deque<Item>& lane);

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Item> items_;
  std::deque<Item> logs_;
};

}  // namespace yz::rpc
