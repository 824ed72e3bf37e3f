#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "io/timer_wheel.h"
#include "io/uring_poller.h"

namespace yz::io {

class EpollPoller;
class Reactor;
class FdOp;

/// Which half of a descriptor an operation waits for. One operation at a time may wait on each.
enum class Half : std::uint8_t { kRead, kWrite };

/// A non-blocking descriptor on a reactor: who waits for it, until when, and what is known of its readiness.
/// It is registered (edge-triggered) when an operation first has to wait, and stays so until it is destroyed. Waiting
/// costs no system call and no timer work as long as deadlines move forward: the timer stays where it is linked and
/// looks at the deadlines when it fires. Belongs to the reactor's thread.
class Watch final : public TimerNode {
 public:
  /// Takes the descriptor, which must be non-blocking already.
  Watch(Reactor& reactor, UniqueFd fd);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] Reactor& reactor() const { return reactor_; }
  /// The reactor's io_uring; null on epoll.
  [[nodiscard]] UringPoller* ring() const { return uring_; }
  /// On io_uring: waiting to read has the kernel receive ahead, until more comes than is read at a time. Only for an
  /// owner that reads through UringPoller::take_received.
  void receive_ahead() { ring_.receives_ahead = uring_ != nullptr; }
  /// The same for a listening socket's connections (UringPoller::take_accepted).
  void accept_ahead() { ring_.is_listener = uring_ != nullptr; }
  /// Takes the descriptor away from the watch, which is done with.
  [[nodiscard]] UniqueFd release_fd();

  /// False when the last attempt on this half told that another would find nothing, and no event came since.
  [[nodiscard]] bool may_be_ready(Half half) const { return may_[index(half)] || (hung_up_ && !is_received(half)); }
  void set_unready(Half half) { may_[index(half)] = false; }
  /// Lets an event of either half try the operations of both (TLS reads may have to write, and the reverse).
  void share_events() { shares_events_ = true; }
  [[nodiscard]] bool is_waiting(Half half) const { return waiting_[index(half)] != nullptr; }
  /// Ends the operation waiting on `half`, if any, with kCancelled; its coroutine resumes before this returns.
  void cancel(Half half);

  void on_timer() override;

 private:
  friend class EpollPoller;
  friend class UringPoller;
  friend class FdOp;

  static constexpr std::size_t index(Half half) { return static_cast<std::size_t>(half); }
  /// True while the kernel receives ahead: then its completions tell of the end, too.
  [[nodiscard]] bool is_received(Half half) const { return half == Half::kRead && ring_.receive != RingState::kNone; }
  /// Makes `op` wait. Fails when the descriptor cannot be registered.
  [[nodiscard]] Status arm(FdOp& op);
  void disarm(FdOp& op) noexcept;
  void schedule(MonoTime deadline);
  /// Makes sure that the poller tells when the waiting operation of `half` may go on.
  [[nodiscard]] Status listen_for(Half half);
  /// The same for an operation that waits already; ends it when that fails. False when that destroyed this watch.
  bool keep_listening(Half half);
  void leave_poller() noexcept;
  void on_events(std::uint32_t events, bool is_last = false);
  void on_received();
  void on_sent();
  void want_room();
  /// Tries the operation waiting on `half`; false when its coroutine destroyed this watch.
  [[nodiscard]] bool try_waiting(Half half);
  /// Resumes a finished operation's coroutine; false when that destroyed this watch.
  [[nodiscard]] bool finish(FdOp& op);

  Reactor& reactor_;
  UringPoller* const uring_;
  UniqueFd fd_;
  FdOp* waiting_[2] = {nullptr, nullptr};
  MonoTime linked_for_ = MonoTime::max();  // when the timer fires; max: not linked
  bool* destroyed_ = nullptr;              // set while a coroutine of ours is being resumed
  bool may_[2] = {true, true};
  bool hung_up_ = false;
  bool is_registered_ = false;
  bool shares_events_ = false;
  RingState ring_;  // of UringPoller alone
};

/// The base of every awaitable operation on a Watch: tries at once, and only when that would block waits for an event
/// (and tries again at each) or for its deadline. Lives in the awaiting coroutine's frame; destroying it gives up.
/// Never moved.
class FdOp {
 public:
  FdOp(const FdOp&) = delete;
  FdOp& operator=(const FdOp&) = delete;

  [[nodiscard]] bool await_ready() { return attempt(); }
  bool await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    if (auto armed = watch_.arm(*this); !armed) return fail_with(std::move(armed).error()), false;
    return true;
  }

 protected:
  FdOp(Watch& watch, Half half, MonoTime deadline) : watch_(watch), deadline_(deadline), half_(half) {}
  virtual ~FdOp() { give_up(); }

  /// Tries; true when the operation has ended, well or badly.
  virtual bool attempt() = 0;
  /// Ends the operation with an error.
  virtual void fail_with(Error error) = 0;
  /// Told once that it has ended, after it left the watch; may destroy the operation and the watch. Those that no
  /// coroutine awaits do something else than resume one.
  virtual void on_done() { handle_.resume(); }
  /// Begins to wait without a coroutine; on_done() follows, unless this is destroyed before. False, and the error told
  /// to fail_with(), when the descriptor cannot be waited for.
  [[nodiscard]] bool wait() { return await_suspend(std::noop_coroutine()); }
  /// Leaves the watch, which the operation owns and is about to destroy.
  void give_up() {
    if (is_armed_) watch_.disarm(*this);
  }
  /// Moves the deadline of an operation that made progress.
  void extend(MonoTime deadline) { deadline_ = deadline; }
  [[nodiscard]] Watch& watch() { return watch_; }

 private:
  friend class Watch;
  Watch& watch_;
  std::coroutine_handle<> handle_;
  MonoTime deadline_;
  Half half_;
  bool is_armed_ = false;
};

/// Awaitable: until an event says that the descriptor is readable (a pidfd, an eventfd, a listener), or right now if
/// nobody found it empty since the last event (or bytes of it wait elsewhere: `is_known`).
class ReadableOp final : public FdOp {
 public:
  ReadableOp(Watch& watch, MonoTime deadline, bool is_known = false)
      : FdOp(watch, Half::kRead, deadline), is_known_(is_known) {}
  Status await_resume() { return std::move(status_); }

 private:
  bool attempt() override { return is_known_ || watch().may_be_ready(Half::kRead); }
  void fail_with(Error error) override { status_ = fail(std::move(error)); }
  const bool is_known_;
  Status status_;
};

}  // namespace yz::io
