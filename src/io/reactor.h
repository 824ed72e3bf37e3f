#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "io/backend.h"
#include "io/callback.h"
#include "io/list.h"
#include "io/poller.h"
#include "io/scope.h"
#include "io/task.h"
#include "io/timer_wheel.h"

namespace yz::io {

class Reactor;
class UringPoller;

/// "No deadline", for awaits that something else bounds (a shutdown, the end of a process). Use it rarely.
inline constexpr MonoTime kNoDeadline = MonoTime::max();

/// The part of a reactor that other threads may hold: outlives it, and refuses posts once it is gone.
class Remote {
 public:
  /// Runs `callback` on the reactor's thread in one of its next turns. Any thread. False when the reactor is gone, and
  /// then the callback is destroyed unrun.
  bool post(Callback callback);

 private:
  friend class Reactor;
  explicit Remote(int wake_fd) : wake_fd_(wake_fd) {}

  std::mutex mutex_;
  std::vector<Callback> posted_;  // guarded by mutex_
  bool is_closed_ = false;        // guarded by mutex_
  bool is_signalled_ = false;     // guarded by mutex_
  const int wake_fd_;
};

/// One event loop on one thread: descriptors (by epoll or io_uring), timers of 1 ms, callbacks from other threads,
/// coroutines. Everything but `post`, `stop` and `remote` belongs to the thread that calls run() (or, before run(), to
/// the one that made it). Streams, listeners and timers made on a reactor die before it; suspended coroutines spawned
/// on it are destroyed by it. SIGPIPE is ignored for the process from the first reactor on.
class Reactor {
 public:
  /// Where the kernel refuses io_uring, epoll is used and a warning logged. Ends the process when the system has no
  /// descriptors left.
  explicit Reactor(Backend backend = default_backend());
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// The reactor whose thread this is (inside run(), spawn() and block_on()); asserts that there is one.
  [[nodiscard]] static Reactor& current();
  /// The same, or null.
  [[nodiscard]] static Reactor* current_or_null() noexcept;

  /// Turns until stop(). May be called again afterwards.
  void run();
  /// Makes run() return after its current turn, or at once when it is called next. Any thread.
  void stop();
  /// Runs `callback` in one of the next turns. Any thread.
  void post(Callback callback);
  /// What to hold where the reactor may be gone first.
  [[nodiscard]] const std::shared_ptr<Remote>& remote() const { return remote_; }

  /// Runs the task, at once up to its first suspension, then as the loop turns. The reactor owns it.
  void spawn(Task<void> task) { spawn_into(scope_, std::move(task)); }
  /// The same, owned by `scope`.
  void spawn_into(TaskScope& scope, Task<void> task);
  /// Turns until the task has ended, and returns its value. For programs' set-up and for tests; not inside run().
  template <typename T>
  T block_on(Task<T> task);

  /// The time at the start of this turn.
  [[nodiscard]] MonoTime now() const { return now_; }
  /// UTC at the start of this turn; read from the clock once a turn at most.
  [[nodiscard]] WallTime wall_now();
  /// `now() + by`.
  [[nodiscard]] MonoTime in(std::chrono::milliseconds by) const { return now_ + by; }

  [[nodiscard]] TimerWheel& timers() { return timers_; }
  [[nodiscard]] Backend backend() const { return ring_ != nullptr ? Backend::kUring : Backend::kEpoll; }
  [[nodiscard]] Poller& poller() { return *poller_; }
  /// What io_uring offers beyond readiness; null on epoll.
  [[nodiscard]] UringPoller* ring() const { return ring_; }

  /// A coroutine that waits for its next turn; unlinks when destroyed. See yield().
  struct ReadyNode : ListLink {
    std::coroutine_handle<> handle;
  };
  /// Resumes the node's coroutine in the next turn, after the descriptors had theirs.
  void resume_next_turn(ReadyNode& node) { node.append_to(ready_); }

 private:
  friend class Remote;
  class CurrentGuard;

  void make_poller(Backend backend);
  void turn();
  void run_ready();
  void run_posted();
  void refresh_now();

  UniqueFd wake_;
  std::unique_ptr<Poller> poller_;
  UringPoller* ring_ = nullptr;  // poller_, when it is one
  std::shared_ptr<Remote> remote_;
  MonoTime now_;
  WallTime wall_{};
  bool has_wall_ = false;
  std::atomic<bool> stop_requested_{false};
  TimerWheel timers_;
  std::vector<Callback> local_posts_;  // posted by this thread
  ListLink ready_;
  TaskScope scope_;  // last: its tasks are destroyed while everything above still works
};

/// Awaitable: the rest of the coroutine runs in the reactor's next turn. For long loops that never have to wait.
class Yield {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    node_.handle = handle;
    Reactor::current().resume_next_turn(node_);
  }
  void await_resume() const noexcept {}

 private:
  Reactor::ReadyNode node_;
};
[[nodiscard]] inline Yield yield() { return {}; }

/// Awaitable: resumes at the time given, or a little after.
class Sleep final : public TimerNode {
 public:
  explicit Sleep(MonoTime until) : until_(until) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    Reactor::current().timers().link(*this, until_);
  }
  void await_resume() const noexcept {}
  void on_timer() override { handle_.resume(); }

 private:
  MonoTime until_;
  std::coroutine_handle<> handle_;
};
[[nodiscard]] inline Sleep sleep_until(MonoTime until) { return Sleep(until); }
[[nodiscard]] inline Sleep sleep_for(std::chrono::milliseconds time) { return Sleep(Reactor::current().in(time)); }

namespace detail {

template <typename T>
Task<void> store_result(Task<T> task, std::optional<T>& out, Reactor& reactor) {
  out.emplace(co_await std::move(task));
  reactor.stop();
}
inline Task<void> store_done(Task<void> task, bool& done, Reactor& reactor) {
  co_await std::move(task);
  done = true;
  reactor.stop();
}

}  // namespace detail

template <typename T>
T Reactor::block_on(Task<T> task) {
  TaskScope scope;
  const auto turn_until = [&](const auto& is_done) {
    while (!is_done()) run();
  };
  if constexpr (std::is_void_v<T>) {
    bool done = false;
    spawn_into(scope, detail::store_done(std::move(task), done, *this));
    turn_until([&] { return done; });
    stop_requested_.store(false);
  } else {
    std::optional<T> out;
    spawn_into(scope, detail::store_result(std::move(task), out, *this));
    turn_until([&] { return out.has_value(); });
    stop_requested_.store(false);
    return *std::move(out);
  }
}

}  // namespace yz::io
