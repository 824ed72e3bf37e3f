#include "net/h2/priority.h"

#include <algorithm>
#include <bit>

#include "http/structured_field.h"

namespace yz::net::h2 {
namespace {

Priority parse_any(std::string_view field) {
  Priority priority;
  const auto members = http::parse_dictionary(field);
  if (!members) return priority;
  for (const http::SfMember& member : *members) {
    const auto* number = std::get_if<std::int64_t>(&member.value);
    const auto* flag = std::get_if<bool>(&member.value);
    if (member.key == "u" && number != nullptr && *number >= 0 && *number <= 7) {
      priority.urgency = static_cast<std::uint8_t>(*number);
    }
    if (member.key == "i" && flag != nullptr) priority.incremental = *flag;
  }
  return priority;
}

}  // namespace

Priority parse_priority(std::string_view field) {
  // What browsers send: "u=N", "i", "u=N, i".
  const auto is_urgency = [](std::string_view text) {
    return text.starts_with("u=") && text[2] >= '0' && text[2] <= '7';
  };
  if (field == "i") return {.incremental = true};
  if (field.size() == 3 && is_urgency(field)) return {.urgency = static_cast<std::uint8_t>(field[2] - '0')};
  if (field.size() == 6 && is_urgency(field) && field.ends_with(", i")) {
    return {.urgency = static_cast<std::uint8_t>(field[2] - '0'), .incremental = true};
  }
  return field.empty() ? Priority() : parse_any(field);
}

void SendQueue::add(Prioritised& member) {
  if (member.is_linked()) return;
  io::ListLink& list = lists_[member.priority.urgency];
  occupied_ = static_cast<std::uint8_t>(occupied_ | 1U << member.priority.urgency);
  io::ListLink* before = &list;
  if (!member.priority.incremental) {
    // In front of the first that began later; incremental ones stay where they are.
    for (io::ListLink* at = list.next; at != &list; at = at->next) {
      const auto& other = static_cast<Prioritised&>(*at);
      if (!other.priority.incremental && other.id > member.id) {
        before = at;
        break;
      }
    }
  }
  member.append_to(*before);
}

Prioritised* SendQueue::front() {
  while (occupied_ != 0) {
    const auto urgency = static_cast<unsigned>(std::countr_zero(occupied_));
    if (lists_[urgency].is_linked()) return &static_cast<Prioritised&>(*lists_[urgency].next);
    occupied_ = static_cast<std::uint8_t>(occupied_ & ~(1U << urgency));
  }
  return nullptr;
}

void SendQueue::change(Prioritised& member, Priority priority) {
  const bool was_linked = member.is_linked();
  member.unlink();
  member.priority = priority;
  if (was_linked) add(member);
}

}  // namespace yz::net::h2
