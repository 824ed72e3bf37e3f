#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "io/list.h"
#include "io/timer_wheel.h"

namespace yz::io {

class Remote;
class WaitOp;

/// Coroutines of any reactors that wait until some condition, kept by the caller, may have changed (an event count).
/// Each resumes on its own reactor, in one of its next turns. No wake is lost when the waiter does
///     while (!condition()) {
///       const auto ticket = waiters.ticket();      // first the ticket,
///       if (condition()) break;                    // then the look,
///       if (!co_await waiters.wait(ticket, deadline)) co_return timed_out;
///     }
/// and the other side changes the condition before it notifies. Outlives its waits. Any thread may call anything.
class Waiters {
 public:
  struct Ticket {
    std::uint64_t epoch;
  };

  Waiters() = default;
  ~Waiters();
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  [[nodiscard]] Ticket ticket() const { return {epoch_.load(std::memory_order_acquire)}; }
  /// Awaitable `bool`: true once notified after `ticket` was taken (at once if that has happened), false at the
  /// deadline.
  [[nodiscard]] WaitOp wait(Ticket ticket, MonoTime deadline);
  void notify_all();

 private:
  friend class WaitOp;
  std::atomic<std::uint64_t> epoch_{0};  // changes under mutex_ only
  std::mutex mutex_;
  ListLink waiting_;  // of WaitOp::State; guarded by mutex_
};

/// See Waiters::wait. Lives in the waiting coroutine's frame.
class WaitOp final : public TimerNode {
 public:
  WaitOp(Waiters& waiters, Waiters::Ticket ticket, MonoTime deadline);
  ~WaitOp();
  [[nodiscard]] bool await_ready() const { return waiters_.epoch_.load(std::memory_order_acquire) != ticket_.epoch; }
  bool await_suspend(std::coroutine_handle<> handle);
  [[nodiscard]] bool await_resume() const { return !timed_out_; }
  void on_timer() override;

 private:
  friend class Waiters;
  struct State;
  void leave();

  Waiters& waiters_;
  Waiters::Ticket ticket_;
  MonoTime deadline_;
  std::coroutine_handle<> handle_;
  std::shared_ptr<State> state_;  // shared with a notification that may be on its way
  bool timed_out_ = false;
};

/// A flag that is set once; coroutines of any reactor wait for it. Any thread. Outlives its waits.
class Event {
 public:
  [[nodiscard]] bool is_set() const { return is_set_.load(std::memory_order_acquire); }
  void set() {
    is_set_.store(true, std::memory_order_release);
    waiters_.notify_all();
  }
  /// Awaitable `bool`: true when the flag is set (at once if it is), false at the deadline.
  [[nodiscard]] WaitOp wait(MonoTime deadline);

 private:
  std::atomic<bool> is_set_{false};
  Waiters waiters_;
};

}  // namespace yz::io
