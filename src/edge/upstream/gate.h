#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/result.h"
#include "io/timer_wheel.h"

namespace yz::io {
class Remote;
}

namespace yz::edge {

class EnterGate;

/// Lets a bounded number of requests to one server pass at a time, over all workers; others wait in their order of
/// arrival, a bounded number of them and each for a bounded time. Passing and leaving touch one atomic word; the lock
/// is taken only where somebody waits. Any thread; each waiter resumes on its own reactor. Held by shared pointers,
/// since a pass may be on its way to a waiter who left.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  struct Limits {
    std::uint32_t most = 256;           ///< that pass at a time
    std::uint32_t most_waiting = 1024;  ///< more are turned away at once
  };

  Gate() = default;
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Awaitable `Status`: a pass, to be given back by leave(). Fails with kLimit when too many wait already, kTimeout
  /// when none was free before the deadline.
  [[nodiscard]] EnterGate enter(Limits limits, MonoTime deadline);
  /// Gives a pass back: the first who waits has it now.
  void leave();

  [[nodiscard]] std::uint32_t inside() const {
    return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] std::uint32_t waiting() const {
    return static_cast<std::uint32_t>(word_.load(std::memory_order_relaxed) >> 32);
  }

 private:
  friend class EnterGate;
  class PassOnItsWay;
  struct Waiter {
    EnterGate* operation;  ///< of its reactor's thread; null once it left
    std::shared_ptr<io::Remote> remote;
  };
  enum class Taken : std::uint8_t { kPass, kPlace, kNothing };
  [[nodiscard]] bool try_pass(std::uint32_t most);
  [[nodiscard]] Taken take(const std::shared_ptr<Waiter>& waiter, Limits limits);
  bool forget(const Waiter& waiter);

  static constexpr std::uint64_t kOneWaiting = std::uint64_t{1} << 32;
  std::atomic<std::uint64_t> word_{0};  // waiting 32, inside 32
  std::mutex mutex_;
  std::deque<std::shared_ptr<Waiter>> queue_;  // guarded by mutex_
};

/// See Gate::enter. Lives in the waiting coroutine's frame; destroying it gives its place up.
class EnterGate final : public io::TimerNode {
 public:
  EnterGate(Gate& gate, Gate::Limits limits, MonoTime deadline) : gate_(gate), limits_(limits), deadline_(deadline) {}
  ~EnterGate();
  [[nodiscard]] bool await_ready() { return gate_.try_pass(limits_.most); }
  bool await_suspend(std::coroutine_handle<> handle);
  Status await_resume() { return std::move(status_); }
  void on_timer() override;

 private:
  friend class Gate;
  Gate& gate_;
  const Gate::Limits limits_;
  const MonoTime deadline_;
  std::coroutine_handle<> handle_;
  std::shared_ptr<Gate::Waiter> waiter_;  // shared with a pass that may be on its way
  Status status_;
};

}  // namespace yz::edge
