#pragma once

#include <memory>

#include "base/fd.h"
#include "io/poller.h"

struct epoll_event;

namespace yz::io {

/// Edge-triggered epoll(7).
class EpollPoller final : public Poller {
 public:
  /// Fails without descriptors. `wake_fd` is an eventfd.
  [[nodiscard]] static Result<std::unique_ptr<EpollPoller>> make(int wake_fd);
  ~EpollPoller() override;

  [[nodiscard]] Status add(Watch& watch) override;
  void remove(Watch& watch) noexcept override;
  void wait(int timeout_ms) override;
  [[nodiscard]] bool dispatch() override;
  /// While it dispatches: whether events are left.
  [[nodiscard]] bool has_more() const { return index_ < count_; }

 private:
  explicit EpollPoller(UniqueFd epoll);
  UniqueFd epoll_;
  std::unique_ptr<epoll_event[]> events_;
  int index_ = 0;  // the next event to dispatch
  int count_ = 0;
};

}  // namespace yz::io
