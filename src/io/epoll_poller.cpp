#include "io/epoll_poller.h"

#include <cerrno>

#include <sys/epoll.h>

#include "io/watch.h"

namespace yz::io {

namespace {

constexpr int kMaxEvents = 256;

}  // namespace

EpollPoller::EpollPoller(UniqueFd epoll)
    : epoll_(std::move(epoll)), events_(std::make_unique<epoll_event[]>(kMaxEvents)) {}
EpollPoller::~EpollPoller() = default;

Result<std::unique_ptr<EpollPoller>> EpollPoller::make(int wake_fd) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll_create1", errno);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // edge-triggered: the counter need not be read
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_fd, &event) != 0) return fail_errno("epoll_ctl", errno);
  return std::unique_ptr<EpollPoller>(new EpollPoller(std::move(epoll)));
}

Status EpollPoller::add(Watch& watch) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watch;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.fd(), &event) != 0) return fail_errno("epoll_ctl", errno);
  return {};
}

void EpollPoller::remove(Watch& watch) noexcept {
  // Explicitly, although close() would do: a child between fork and exec may hold a copy of the descriptor.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
  for (int i = index_; i < count_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr != &watch) continue;
    event.data.ptr = nullptr;
    event.events = 0;
  }
}

void EpollPoller::wait(int timeout_ms) {
  index_ = 0;
  count_ = ::epoll_wait(epoll_.get(), events_.get(), kMaxEvents, timeout_ms);
}

bool EpollPoller::dispatch() {
  bool is_woken = false;
  while (index_ < count_) {
    const epoll_event& event = events_[static_cast<std::size_t>(index_++)];
    if (event.data.ptr == nullptr) {
      is_woken = is_woken || event.events != 0;
    } else {
      static_cast<Watch*>(event.data.ptr)->on_events(event.events);
    }
  }
  index_ = count_ = 0;
  return is_woken;
}

}  // namespace yz::io
