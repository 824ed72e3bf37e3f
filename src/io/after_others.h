#pragma once

#include <coroutine>

#include "io/reactor.h"

namespace yz::io {

/// Awaitable: the rest of the coroutine runs when all that this turn's events resumed have had their say; at once where
/// no event is left. For a write that ends a step: writes of one turn leave back to back then, so that readers on other
/// cores are woken once for several and not, each time, from sleep. On io_uring, which sends together anyway, it does
/// nothing.
class AfterOthers {
 public:
  [[nodiscard]] bool await_ready() const { return !has_others(); }
  void await_suspend(std::coroutine_handle<> handle) {
    node_.handle = handle;
    Reactor::current().resume_next_turn(node_);
  }
  void await_resume() const noexcept {}

 private:
  [[nodiscard]] static bool has_others();
  Reactor::ReadyNode node_;
};
[[nodiscard]] inline AfterOthers after_others() { return {}; }

}  // namespace yz::io
