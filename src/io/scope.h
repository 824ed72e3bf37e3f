#pragma once

#include <cstddef>

#include "io/list.h"
#include "io/task.h"

namespace yz::io {

namespace detail {

/// The outermost frame of a spawned task. Destroys itself when the task ends; a member of its scope until then.
struct RootFrame {
  struct promise_type;
};

}  // namespace detail

/// Owns running tasks that nobody awaits: the connections of a server, the background work of a reactor. Destroying the
/// scope cancels what still runs, in no particular order. One thread (the reactor's); not to be destroyed by one of its
/// own tasks.
class TaskScope {
 public:
  TaskScope() = default;
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope() { cancel_all(); }

  /// Runs the task at once, up to its first suspension; the scope owns the rest.
  void spawn(Task<void> task);
  /// Destroys every task that has not ended.
  void cancel_all() noexcept;
  /// Tasks that have not ended.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  friend struct detail::RootFrame::promise_type;
  ListLink roots_;
  std::size_t size_ = 0;
};

}  // namespace yz::io
