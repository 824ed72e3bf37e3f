#include "io/reactor.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/log.h"
#include "io/watch.h"

namespace yz::io {

namespace {

constexpr int kMaxEvents = 256;

thread_local Reactor* current_reactor = nullptr;

void ignore_sigpipe() {
  struct sigaction old{};
  if (::sigaction(SIGPIPE, nullptr, &old) != 0 || old.sa_handler != SIG_DFL) return;
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

}  // namespace

class Reactor::CurrentGuard {
 public:
  explicit CurrentGuard(Reactor& reactor) : before_(current_reactor) {
    YZ_ASSERT(before_ == nullptr || before_ == &reactor);
    current_reactor = &reactor;
  }
  ~CurrentGuard() { current_reactor = before_; }
  [[nodiscard]] bool was_outside() const { return before_ == nullptr; }

 private:
  Reactor* before_;
};

bool Remote::post(Callback callback) {
  if (current_reactor != nullptr && current_reactor->remote_.get() == this) {
    current_reactor->local_posts_.push_back(std::move(callback));
    return true;
  }
  const std::lock_guard lock(mutex_);
  if (is_closed_) return false;
  posted_.push_back(std::move(callback));
  if (!is_signalled_) {
    is_signalled_ = true;
    const std::uint64_t one = 1;
    // Cannot fail: the counter is reset long before 2^64 turns, and the descriptor is ours until is_closed_.
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }
  return true;
}

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      remote_(new Remote(wake_.get())),
      now_(SystemClock::instance().mono()),
      timers_(now_),
      events_(std::make_unique<epoll_event[]>(kMaxEvents)) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // edge-triggered: the counter need not be read
  event.data.ptr = nullptr;
  if (!epoll_ || !wake_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    log::error("cannot make an event loop: {}", std::strerror(errno));
    YZ_ASSERT(!"descriptors for an event loop");
  }
  ignore_sigpipe();
}

Reactor::~Reactor() {
  const CurrentGuard guard(*this);
  scope_.cancel_all();
  std::vector<Callback> dropped;
  {
    const std::lock_guard lock(remote_->mutex_);
    remote_->is_closed_ = true;
    dropped.swap(remote_->posted_);
  }
  dropped.clear();  // may post again, in vain
  while (!local_posts_.empty()) std::exchange(local_posts_, {}).clear();
}

Reactor& Reactor::current() {
  YZ_ASSERT(current_reactor != nullptr);
  return *current_reactor;
}

Reactor* Reactor::current_or_null() noexcept { return current_reactor; }

void Reactor::refresh_now() {
  now_ = SystemClock::instance().mono();
  has_wall_ = false;
}

WallTime Reactor::wall_now() {
  if (!has_wall_) {
    wall_ = SystemClock::instance().wall();
    has_wall_ = true;
  }
  return wall_;
}

void Reactor::spawn_into(TaskScope& scope, Task<void> task) {
  const CurrentGuard guard(*this);
  if (guard.was_outside()) refresh_now();
  scope.spawn(std::move(task));
}

void Reactor::post(Callback callback) {
  // What is posted may let the reactor end on its own thread before this call has returned.
  const std::shared_ptr<Remote> remote = remote_;
  remote->post(std::move(callback));
}

void Reactor::stop() {
  const std::shared_ptr<Remote> remote = remote_;
  stop_requested_.store(true);  // from here on this object may be gone
  remote->post([] {});
}

void Reactor::run() {
  const CurrentGuard guard(*this);
  refresh_now();
  while (!stop_requested_.load(std::memory_order_relaxed)) turn();
  stop_requested_.store(false);
}

void Reactor::turn() {
  const bool is_busy = !local_posts_.empty() || ready_.is_linked();
  const int timeout = is_busy ? 0 : timers_.wait_ms(now_);
  const int count = ::epoll_wait(epoll_.get(), events_.get(), kMaxEvents, timeout);
  refresh_now();
  if (count > 0) dispatch(count);
  timers_.advance(now_);
  run_ready();
  if (!local_posts_.empty()) {
    for (Callback& callback : std::exchange(local_posts_, {})) callback();
  }
}

void Reactor::dispatch(int count) {
  bool is_woken = false;
  event_count_ = count;
  for (event_index_ = 0; event_index_ < event_count_;) {
    const epoll_event& event = events_[static_cast<std::size_t>(event_index_++)];
    if (event.data.ptr == nullptr) {
      is_woken = is_woken || event.events != 0;
      continue;
    }
    static_cast<Watch*>(event.data.ptr)->on_events(event.events);
  }
  event_count_ = 0;
  if (is_woken) run_posted();
}

void Reactor::run_posted() {
  std::vector<Callback> posted;
  {
    const std::lock_guard lock(remote_->mutex_);
    posted.swap(remote_->posted_);
    remote_->is_signalled_ = false;
  }
  for (Callback& callback : posted) callback();
}

void Reactor::run_ready() {
  if (!ready_.is_linked()) return;
  ListLink batch;
  batch.splice(ready_);
  while (batch.is_linked()) {
    auto& node = static_cast<ReadyNode&>(*batch.next);
    node.unlink();
    node.handle.resume();
  }
}

Status Reactor::add(Watch& watch) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watch;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.fd(), &event) != 0) return fail_errno("epoll_ctl", errno);
  return {};
}

void Reactor::remove(Watch& watch) {
  // Explicitly, although close() would do: a child between fork and exec may hold a copy of the descriptor.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
  for (int i = event_index_; i < event_count_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr != &watch) continue;
    event.data.ptr = nullptr;
    event.events = 0;
  }
}

}  // namespace yz::io
