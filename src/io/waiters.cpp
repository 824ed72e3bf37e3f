#include "io/waiters.h"

#include <utility>
#include <vector>

#include "base/result.h"
#include "io/reactor.h"

namespace yz::io {

/// What a waiter and its notification share. `op` belongs to the waiter's thread, the link to the list's mutex.
struct WaitOp::State final : ListLink {
  WaitOp* op = nullptr;
  std::shared_ptr<Remote> remote;
  std::shared_ptr<State> self;  // while in the list; guarded by its mutex
};

Waiters::~Waiters() { YZ_ASSERT(!waiting_.is_linked()); }

WaitOp Waiters::wait(Ticket ticket, MonoTime deadline) { return {*this, ticket, deadline}; }

void Waiters::notify_all() {
  std::vector<std::shared_ptr<WaitOp::State>> woken;
  {
    const std::lock_guard lock(mutex_);
    epoch_.fetch_add(1, std::memory_order_acq_rel);
    while (waiting_.is_linked()) {
      auto& state = static_cast<WaitOp::State&>(*waiting_.next);
      state.unlink();
      woken.push_back(std::exchange(state.self, {}));
    }
  }
  for (auto& state : woken) {
    const std::shared_ptr<Remote> remote = state->remote;  // the state may be gone before post() returns
    remote->post([state = std::move(state)] {
      if (state->op == nullptr) return;  // timed out or destroyed meanwhile
      WaitOp& op = *std::exchange(state->op, nullptr);
      op.unlink();
      op.handle_.resume();
    });
  }
}

WaitOp::WaitOp(Waiters& waiters, Waiters::Ticket ticket, MonoTime deadline)
    : waiters_(waiters), ticket_(ticket), deadline_(deadline) {}

WaitOp::~WaitOp() { leave(); }

bool WaitOp::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  Reactor& reactor = Reactor::current();
  state_ = std::make_shared<State>();
  state_->op = this;
  state_->remote = reactor.remote();
  {
    const std::lock_guard lock(waiters_.mutex_);
    if (waiters_.epoch_.load(std::memory_order_relaxed) != ticket_.epoch) {
      state_->op = nullptr;
      return false;
    }
    state_->self = state_;
    state_->append_to(waiters_.waiting_);
  }
  // The notification resumes us through this thread's loop, so nothing can have happened before this line.
  if (deadline_ != kNoDeadline) reactor.timers().link(*this, deadline_);
  return true;
}

void WaitOp::leave() {
  if (!state_ || state_->op == nullptr) return;  // not waiting
  state_->op = nullptr;
  std::shared_ptr<State> kept;
  const std::lock_guard lock(waiters_.mutex_);
  kept = std::exchange(state_->self, {});
  state_->unlink();
}

void WaitOp::on_timer() {
  leave();
  timed_out_ = true;
  handle_.resume();
}

WaitOp Event::wait(MonoTime deadline) {
  const Waiters::Ticket ticket = waiters_.ticket();
  // A ticket that has run out already makes the wait return at once.
  return waiters_.wait(is_set() ? Waiters::Ticket{ticket.epoch - 1} : ticket, deadline);
}

}  // namespace yz::io
