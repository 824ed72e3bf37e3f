#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "rpc/node_messages.h"
#include "rpc/node_server.h"
#include "rpc/payload.h"

namespace yz::rpc {

/// What waits to be written to one node: bounded, coalescing, purges before configuration. The rules are those of
/// NodeSession::send. Not thread-safe; the session locks.
class ControlQueue {
 public:
  struct Limits {
    std::size_t config_messages = 64;
    std::size_t purge_bytes = 4ULL << 20;
    std::size_t other_messages = 65'536;
    std::size_t relayed_bytes = 256ULL << 20;  ///< payloads for the nodes of a relay
  };
  explicit ControlQueue(Limits limits) : limits_(limits) {}

  /// False when the node cannot be helped any more: too many messages that may not be dropped are waiting.
  [[nodiscard]] bool push(ControlMessage message);
  /// Puts `message` before all others.
  void push_first(ControlMessage message) { urgent_.push_front({std::move(message)}); }

  /// A message, or a slice of its payload, that is to be written next. None when nothing waits.
  struct Frame {
    ControlMessage message;
    Slice slice;  ///< of the payload; empty for messages without one
  };
  [[nodiscard]] std::optional<Frame> next();

  /// What was dropped and is owed; none while messages still wait. After this call such messages are accepted again.
  [[nodiscard]] std::optional<Behind> take_behind();
  [[nodiscard]] NodeSession::QueueState state() const;

 private:
  struct Item {
    ControlMessage message;
    std::size_t sent = 0;  // of its payload
  };
  bool push_config(ControlMessage message);
  bool push_purge(ControlMessage message);
  bool push_relayed(RelayedDown message);
  bool merge(const ControlMessage& message);
  std::optional<Frame> next_of(std::deque<Item>& lane);

  Limits limits_;
  std::deque<Item> urgent_;
  std::deque<Item> config_;
  std::size_t purge_bytes_ = 0;
  std::size_t relayed_bytes_ = 0;
  unsigned urgent_in_a_row_ = 0;
  Behind behind_;
};

}  // namespace yz::rpc
