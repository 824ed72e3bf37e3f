#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "io/list.h"

namespace yz::net::h2 {

/// How a response is to be sent among others (RFC 9218 §4).
struct Priority {
  std::uint8_t urgency = 3;  ///< 0 (first) to 7 (last)
  bool incremental = false;  ///< useful in parts: shares the connection with others of its urgency
  friend bool operator==(const Priority&, const Priority&) = default;
};

/// Reads a Priority field or the value of a PRIORITY_UPDATE: what is missing or does not parse is the default.
[[nodiscard]] Priority parse_priority(std::string_view field);

/// Something that waits in a SendQueue. Leaves it when destroyed.
struct Prioritised : io::ListLink {
  std::uint32_t id = 0;
  Priority priority;
};

/// Who sends next: by urgency; within one, what is not incremental in the order of its stream ids, each to its end; the
/// incremental take turns (RFC 9218 §10).
class SendQueue {
 public:
  SendQueue() = default;

  void add(Prioritised& member);
  void remove(Prioritised& member) { member.unlink(); }
  /// The next to send, or null.
  [[nodiscard]] Prioritised* front();
  /// After an incremental member had its turn.
  void rotate(Prioritised& member) {
    member.unlink();
    member.append_to(lists_[member.priority.urgency]);
  }
  /// Changes a member's priority, in its list or outside.
  void change(Prioritised& member, Priority priority);

 private:
  std::array<io::ListLink, 8> lists_;
  std::uint8_t occupied_ = 0;  // a set bit may stand for an empty list
};

}  // namespace yz::net::h2
