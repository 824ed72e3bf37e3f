#pragma once

#include "base/result.h"

namespace yz::io {

class Watch;

/// The part of a reactor that asks the system: a seam between epoll and io_uring. One thread.
class Poller {
 public:
  virtual ~Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// From now on changes of the descriptor's readiness (edges, of both halves) reach the watch. Once a watch.
  [[nodiscard]] virtual Status add(Watch& watch) = 0;
  /// The watch is about to close its descriptor: it hears of nothing any more. Only for a watch that took part.
  virtual void remove(Watch& watch) noexcept = 0;
  /// Hands the system what was prepared, then waits for events: up to `timeout_ms`; 0: only looks; -1: without end.
  virtual void wait(int timeout_ms) = 0;
  /// Tells the watches what wait() brought. True when the reactor's wake descriptor was written to.
  [[nodiscard]] virtual bool dispatch() = 0;

 protected:
  Poller() = default;
};

}  // namespace yz::io
