#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/callback.h"
#include "io/reactor.h"

namespace yz::io {

namespace detail {

template <typename T>
struct IsResult : std::false_type {};
template <typename T>
struct IsResult<Result<T>> : std::true_type {};

}  // namespace detail

template <typename F>
class BlockingOp;

/// Threads for work that blocks (databases, name resolution, files), awaited from coroutines:
///     YZ_CO_TRY(auto rows, co_await pool.run([&db] { return db.load(); }, reactor.in(5s)));
/// The function runs on a thread of the pool; its result comes back on the awaiting reactor. At the deadline the wait
/// ends with kTimeout, but the function runs on and its result is dropped: it must own (or outlive) what it uses. The
/// same holds when the awaiting coroutine is destroyed. Any thread may call. The destructor finishes what runs and
/// drops what waits.
class BlockingPool {
 public:
  struct Options {
    std::size_t threads = 4;
    std::size_t max_queued = 1024;  ///< jobs waiting for a thread; more fail with kLimit
  };

  BlockingPool() : BlockingPool(Options()) {}
  explicit BlockingPool(const Options& options);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Awaitable: `Result<R>` for a function that returns R, and just `Result<U>` when it returns Result<U>. Fails with
  /// kLimit when the queue is full, kTimeout at the deadline, kCancelled when the pool ends first.
  template <typename F>
  [[nodiscard]] BlockingOp<std::decay_t<F>> run(F&& function, MonoTime deadline) {
    return {*this, std::forward<F>(function), deadline};
  }

  /// Queues a job nobody waits for. Fails with kLimit when the queue is full.
  [[nodiscard]] Status submit(Callback job);

 private:
  void work();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::deque<Callback> queue_;  // guarded by mutex_
  bool is_stopping_ = false;    // guarded by mutex_
  std::vector<std::thread> threads_;
};

/// See BlockingPool::run. Lives in the awaiting coroutine's frame.
template <typename F>
class BlockingOp final : public TimerNode {
  using Returned = std::invoke_result_t<F&>;

 public:
  using Value = std::conditional_t<detail::IsResult<Returned>::value, Returned,
                                   Result<std::conditional_t<detail::IsResult<Returned>::value, void, Returned>>>;

  BlockingOp(BlockingPool& pool, F function, MonoTime deadline)
      : pool_(pool), function_(std::move(function)), deadline_(deadline) {}
  ~BlockingOp() {
    if (shared_) shared_->op = nullptr;
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    Reactor& reactor = Reactor::current();
    shared_ = std::make_shared<Shared>();
    shared_->op = this;
    if (auto queued = pool_.submit(Job{shared_, reactor.remote(), std::move(function_)}); !queued) {
      shared_->op = nullptr;
      value_.emplace(fail(std::move(queued).error()));
      return false;
    }
    if (deadline_ != kNoDeadline) reactor.timers().link(*this, deadline_);
    return true;
  }
  [[nodiscard]] Value await_resume() { return *std::move(value_); }
  void on_timer() override { end(fail(Code::kTimeout, "the work took too long")); }

 private:
  struct Shared {
    BlockingOp* op;  // of the awaiting reactor's thread; null once nobody waits
  };

  /// Runs on a pool thread. Reports kCancelled if it is destroyed unrun.
  struct Job {
    Job(std::shared_ptr<Shared> s, std::shared_ptr<Remote> r, F f)
        : shared(std::move(s)), remote(std::move(r)), function(std::move(f)) {}
    Job(Job&&) noexcept = default;
    Job& operator=(Job&&) = delete;
    ~Job() {
      if (shared) report(fail(Code::kCancelled, "the pool has stopped"));
    }
    void operator()() {
      if constexpr (std::is_void_v<Returned>) {
        function();
        report(Value());
      } else {
        report(Value(function()));
      }
    }
    void report(Value value) {
      remote->post([to = std::move(shared), held = std::move(value)]() mutable {
        if (to->op != nullptr) to->op->end(std::move(held));
      });
    }
    std::shared_ptr<Shared> shared;
    std::shared_ptr<Remote> remote;
    F function;
  };

  void end(Value value) {
    shared_->op = nullptr;
    unlink();
    value_.emplace(std::move(value));
    handle_.resume();
  }

  BlockingPool& pool_;
  F function_;
  MonoTime deadline_;
  std::coroutine_handle<> handle_;
  std::shared_ptr<Shared> shared_;
  std::optional<Value> value_;
};

}  // namespace yz::io
