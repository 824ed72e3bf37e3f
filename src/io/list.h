#pragma once

namespace yz::io {

/// A member of at most one intrusive circular list. Leaves its list when destroyed. One thread at a time.
struct ListLink {
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { unlink(); }

  [[nodiscard]] bool is_linked() const { return next != this; }
  void unlink() noexcept {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
  /// Puts this link (in no list) before `head`, that is at the end of the list that `head` is the head of.
  void append_to(ListLink& head) noexcept {
    prev = head.prev;
    next = &head;
    head.prev->next = this;
    head.prev = this;
  }
  /// Moves all members of the list `other` heads to the end of the list this link heads.
  void splice(ListLink& other) noexcept {
    if (!other.is_linked()) return;
    other.next->prev = prev;
    other.prev->next = this;
    prev->next = other.next;
    prev = other.prev;
    other.prev = other.next = &other;
  }

  ListLink* prev = this;
  ListLink* next = this;
};

}  // namespace yz::io
