#include "io/watch.h"

#include <algorithm>

#include <sys/epoll.h>

#include "io/reactor.h"

namespace yz::io {

Watch::~Watch() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  YZ_ASSERT(waiting_[0] == nullptr && waiting_[1] == nullptr);
  if (is_registered_) reactor_.remove(*this);
}

Status Watch::arm(FdOp& op) {
  FdOp*& place = waiting_[index(op.half_)];
  YZ_ASSERT(place == nullptr);
  if (!is_registered_) {
    YZ_CHECK(reactor_.add(*this));
    is_registered_ = true;
  }
  place = &op;
  op.is_armed_ = true;
  schedule(op.deadline_);
  return {};
}

void Watch::disarm(FdOp& op) noexcept {
  waiting_[index(op.half_)] = nullptr;
  op.is_armed_ = false;
}

void Watch::schedule(MonoTime deadline) {
  if (deadline >= linked_for_) return;  // the timer fires before, and looks again
  linked_for_ = deadline;
  reactor_.timers().link(*this, deadline);
}

void Watch::on_timer() {
  linked_for_ = MonoTime::max();
  const MonoTime now = reactor_.now();
  bool is_gone = false;
  for (const Half half : {Half::kRead, Half::kWrite}) {
    FdOp* op = waiting_[index(half)];
    if (op == nullptr) continue;
    if (op->deadline_ > now) {
      schedule(op->deadline_);
      continue;
    }
    op->fail_with(Error{Code::kTimeout, Fault::kSelf, true, "deadline passed"});
    is_gone = !finish(*op);
    if (is_gone) return;
  }
}

void Watch::on_events(std::uint32_t events) {
  constexpr std::uint32_t kGone = EPOLLHUP | EPOLLERR;
  if ((events & (kGone | EPOLLRDHUP)) != 0) hung_up_ = true;
  const bool reads = (events & (EPOLLIN | EPOLLRDHUP | kGone)) != 0;
  const bool writes = (events & (EPOLLOUT | kGone)) != 0;
  if (reads) may_[0] = true;
  if (writes) may_[1] = true;
  if (shares_events_) may_[0] = may_[1] = true;
  if ((reads || shares_events_) && !try_waiting(Half::kRead)) return;
  if (writes || shares_events_) (void)try_waiting(Half::kWrite);
}

bool Watch::try_waiting(Half half) {
  FdOp* op = waiting_[index(half)];
  if (op == nullptr) return true;
  const MonoTime before = op->deadline_;
  if (op->attempt()) return finish(*op);
  if (op->deadline_ < before) schedule(op->deadline_);
  return true;
}

bool Watch::finish(FdOp& op) {
  disarm(op);
  bool is_destroyed = false;
  bool* outer = std::exchange(destroyed_, &is_destroyed);
  op.handle_.resume();
  if (is_destroyed) {
    if (outer != nullptr) *outer = true;
    return false;
  }
  destroyed_ = outer;
  return true;
}

void Watch::cancel(Half half) {
  FdOp* op = waiting_[index(half)];
  if (op == nullptr) return;
  op->fail_with(Error{Code::kCancelled, Fault::kSelf, false, "cancelled"});
  (void)finish(*op);
}

}  // namespace yz::io
