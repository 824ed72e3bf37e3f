#include "io/scope.h"

namespace yz::io {

namespace detail {

struct RootFrame::promise_type : ListLink {
  promise_type(TaskScope& owner, Task<void>&) : scope(owner) {
    append_to(scope.roots_);
    ++scope.size_;
  }
  ~promise_type() { --scope.size_; }

  static void* operator new(std::size_t size) { return BlockPool::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { BlockPool::release(frame, size); }

  RootFrame get_return_object() noexcept { return {}; }
  std::suspend_never initial_suspend() noexcept { return {}; }
  std::suspend_never final_suspend() noexcept { return {}; }  // the frame frees itself
  void return_void() noexcept {}
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

  TaskScope& scope;
};

namespace {

RootFrame run_root(TaskScope&, Task<void> task) { co_await std::move(task); }

}  // namespace

}  // namespace detail

void TaskScope::spawn(Task<void> task) { detail::run_root(*this, std::move(task)); }

void TaskScope::cancel_all() noexcept {
  using Promise = detail::RootFrame::promise_type;
  while (roots_.is_linked()) {
    auto& promise = static_cast<Promise&>(*roots_.next);
    std::coroutine_handle<Promise>::from_promise(promise).destroy();
  }
}

}  // namespace yz::io
