#include "io/reactor.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <sys/eventfd.h>

#include "base/log.h"
#include "io/epoll_poller.h"
#include "io/uring_poller.h"

namespace yz::io {

namespace {

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

Reactor::Reactor(Backend backend)
    : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      remote_(new Remote(wake_.get())),
      now_(SystemClock::instance().mono()),
      timers_(now_) {
  make_poller(backend);
  if (!wake_ || !poller_) {
    log::error("cannot make an event loop: {}", std::strerror(errno));
    YZ_ASSERT(!"descriptors for an event loop");
  }
  ignore_sigpipe();
}

void Reactor::make_poller(Backend backend) {
  if (backend == Backend::kUring) {
    auto made = UringPoller::make(wake_.get());
    if (made) {
      ring_ = made->get();
      poller_ = *std::move(made);
      return;
    }
    log::warn("epoll is used: {}", made.error().message);
  }
  if (auto made = EpollPoller::make(wake_.get())) poller_ = *std::move(made);
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
  poller_->wait(is_busy ? 0 : timers_.wait_ms(now_));
  refresh_now();
  if (poller_->dispatch()) run_posted();
  timers_.advance(now_);
  run_ready();
  if (!local_posts_.empty()) {
    for (Callback& callback : std::exchange(local_posts_, {})) callback();
  }
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

}  // namespace yz::io
