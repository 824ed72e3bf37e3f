#include "edge/upstream/gate.h"

#include <algorithm>

#include "io/reactor.h"

namespace yz::edge {

/// A pass on its way to a waiter's reactor; on to the next when the waiter, or its reactor, is gone by then.
class Gate::PassOnItsWay {
 public:
  PassOnItsWay(std::shared_ptr<Gate> gate, std::shared_ptr<Waiter> to) : gate_(std::move(gate)), to_(std::move(to)) {}
  PassOnItsWay(PassOnItsWay&&) noexcept = default;
  PassOnItsWay& operator=(PassOnItsWay&&) = delete;
  ~PassOnItsWay() {
    if (to_) gate_->leave();
  }
  void operator()() {
    const std::shared_ptr<Waiter> to = std::exchange(to_, nullptr);
    if (to->operation == nullptr) return gate_->leave();
    EnterGate& operation = *std::exchange(to->operation, nullptr);
    operation.unlink();
    operation.handle_.resume();
  }

 private:
  std::shared_ptr<Gate> gate_;
  std::shared_ptr<Waiter> to_;  // null once delivered
};

Gate::~Gate() { YZ_ASSERT(queue_.empty()); }

EnterGate Gate::enter(Limits limits, MonoTime deadline) { return {*this, limits, deadline}; }

/// A pass without waiting, unless others wait already.
bool Gate::try_pass(std::uint32_t most) {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (seen < most) {  // that nobody waits is part of it: the upper half is 0
    if (word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

Gate::Taken Gate::take(const std::shared_ptr<Waiter>& waiter, Limits limits) {
  const std::lock_guard lock(mutex_);
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    // A pass may have come back between the first look and the lock.
    const bool passes = seen < limits.most;
    if (!passes && queue_.size() >= limits.most_waiting) return Taken::kNothing;
    const std::uint64_t next = passes ? seen + 1 : seen + kOneWaiting;
    if (!word_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
    if (passes) return Taken::kPass;
    queue_.push_back(waiter);
    return Taken::kPlace;
  }
}

void Gate::leave() {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (seen < kOneWaiting) {
    if (word_.compare_exchange_weak(seen, seen - 1, std::memory_order_release, std::memory_order_relaxed)) return;
  }
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) {  // the last who waited left in between
      word_.fetch_sub(1, std::memory_order_release);
      return;
    }
    next = std::move(queue_.front());
    queue_.pop_front();
    word_.fetch_sub(kOneWaiting, std::memory_order_relaxed);
  }
  const std::shared_ptr<io::Remote> remote = next->remote;
  remote->post(PassOnItsWay(shared_from_this(), std::move(next)));
}

/// True when the waiter was still in the queue and is not any more.
bool Gate::forget(const Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(queue_.begin(), queue_.end(), [&](const auto& one) { return one.get() == &waiter; });
  if (at == queue_.end()) return false;
  queue_.erase(at);
  word_.fetch_sub(kOneWaiting, std::memory_order_relaxed);
  return true;
}

EnterGate::~EnterGate() {
  if (!waiter_ || waiter_->operation == nullptr) return;
  waiter_->operation = nullptr;
  (void)gate_.forget(*waiter_);  // if a pass is on its way already, it goes on to the next when it arrives
}

bool EnterGate::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  io::Reactor& reactor = io::Reactor::current();
  waiter_ = std::make_shared<Gate::Waiter>(Gate::Waiter{this, reactor.remote()});
  switch (gate_.take(waiter_, limits_)) {
    case Gate::Taken::kPass:
      waiter_->operation = nullptr;
      return false;
    case Gate::Taken::kNothing:
      waiter_->operation = nullptr;
      status_ = fail(Code::kLimit, "too many requests wait for a connection");
      return false;
    case Gate::Taken::kPlace:
      break;
  }
  if (deadline_ != io::kNoDeadline) reactor.timers().link(*this, deadline_);
  return true;
}

void EnterGate::on_timer() {
  if (!gate_.forget(*waiter_)) return;  // the pass is on its way
  waiter_->operation = nullptr;
  status_ = fail(Code::kTimeout, "no connection became free in time");
  handle_.resume();
}

}  // namespace yz::edge
