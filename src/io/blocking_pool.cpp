#include "io/blocking_pool.h"

#include <csignal>

namespace yz::io {

BlockingPool::BlockingPool(const Options& options) : max_queued_(options.max_queued) {
  for (std::size_t i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

BlockingPool::~BlockingPool() {
  std::deque<Callback> dropped;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    dropped.swap(queue_);
  }
  has_work_.notify_all();
  dropped.clear();  // their waiters hear of it now, not when the running work is done
  for (std::thread& thread : threads_) thread.join();
}

Status BlockingPool::submit(Callback job) {
  // A job that is refused is destroyed after the lock is given back: it reports, and may do anything.
  {
    const std::lock_guard lock(mutex_);
    if (!is_stopping_ && queue_.size() < max_queued_) {
      queue_.push_back(std::move(job));
      has_work_.notify_one();
      return {};
    }
  }
  return fail(Code::kLimit, "too much blocking work is waiting");
}

void BlockingPool::work() {
  while (true) {
    Callback job;
    {
      std::unique_lock lock(mutex_);
      has_work_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace yz::io
