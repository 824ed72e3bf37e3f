#include "io/watch.h"

#include <algorithm>

#include <sys/epoll.h>

#include "io/reactor.h"

namespace yz::io {

Watch::Watch(Reactor& reactor, UniqueFd fd) : reactor_(reactor), uring_(reactor.ring()), fd_(std::move(fd)) {}

Watch::~Watch() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  YZ_ASSERT(waiting_[0] == nullptr && waiting_[1] == nullptr);
  leave_poller();
}

void Watch::leave_poller() noexcept {
  if (uring_ != nullptr) {
    uring_->remove(*this);
  } else if (is_registered_) {
    reactor_.poller().remove(*this);
  }
  is_registered_ = false;
}

UniqueFd Watch::release_fd() {
  YZ_ASSERT(waiting_[0] == nullptr && waiting_[1] == nullptr);
  leave_poller();
  return std::move(fd_);
}

Status Watch::listen_for(Half half) {
  if (uring_ != nullptr) {
    if (half == Half::kRead && ring_.is_listener) return uring_->accept(*this), Status();
    if (half == Half::kRead && ring_.receives_ahead) return uring_->receive(*this), Status();
    // The last completion of a receive that is being cancelled, or of a send, will come by itself.
    if (half == Half::kRead && ring_.receive != RingState::kNone) return {};
    if (half == Half::kWrite && ring_.send != RingState::kNone && !shares_events_) return {};
  }
  if (is_registered_) return {};
  YZ_CHECK(reactor_.poller().add(*this));
  is_registered_ = true;
  return {};
}

bool Watch::keep_listening(Half half) {
  FdOp* op = waiting_[index(half)];
  if (op == nullptr) return true;
  auto listening = listen_for(half);
  if (listening) return true;
  op->fail_with(std::move(listening).error());
  return finish(*op);
}

Status Watch::arm(FdOp& op) {
  FdOp*& place = waiting_[index(op.half_)];
  YZ_ASSERT(place == nullptr);
  YZ_CHECK(listen_for(op.half_));
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

void Watch::on_events(std::uint32_t events, bool is_last) {
  constexpr std::uint32_t kGone = EPOLLHUP | EPOLLERR;
  if ((events & (kGone | EPOLLRDHUP)) != 0) hung_up_ = true;
  const bool reads = (events & (EPOLLIN | EPOLLRDHUP | kGone)) != 0;
  const bool writes = (events & (EPOLLOUT | kGone)) != 0;
  if (writes && ring_.send != RingState::kNone) uring_->push_remainder(*this);
  if (reads) may_[0] = true;
  if (writes) may_[1] = true;
  if (shares_events_) may_[0] = may_[1] = true;
  if ((reads || shares_events_) && !try_waiting(Half::kRead)) return;
  if ((writes || shares_events_) && !try_waiting(Half::kWrite)) return;
  if (is_last && keep_listening(Half::kRead)) (void)keep_listening(Half::kWrite);
}

/// Bytes, a connection, the end or an error came in ahead; or nothing more will.
void Watch::on_received() {
  may_[0] = true;
  if (try_waiting(Half::kRead)) (void)keep_listening(Half::kRead);
}

void Watch::on_sent() {
  may_[1] = true;
  if (ring_.send_error != 0) hung_up_ = true;
  if (!try_waiting(Half::kWrite) || !keep_listening(Half::kWrite)) return;
  if (hung_up_) (void)try_waiting(Half::kRead);
}

/// The socket is full and the ring holds a rest: wait for room.
void Watch::want_room() {
  if (is_registered_) return;
  // Without an event the rest waits for the next one of the connection, or for its end.
  is_registered_ = reactor_.poller().add(*this).has_value();
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
  op.on_done();
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
