#include "agent/prefetcher.h"

#include <chrono>
#include <cstddef>
#include <utility>

#include "rpc/payload.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 8;
constexpr auto kReport = 100ms;     // results of this long are reported together
constexpr auto kWaitForEdge = 30s;  // a URL fails when the edge is down for longer
constexpr int kAttempts = 2;        // when the edge dies under it

/// How many of the first results go into one message: control ends a session over one that is too large.
std::size_t fitting(const std::vector<rpc::PrefetchedUrl>& results) {
  constexpr std::size_t kFixedCost = 64;
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < results.size(); ++count) {
    bytes += results[count].url.size() + results[count].reason.size() + kFixedCost;
    if (count > 0 && bytes > rpc::kMaxPiece) break;
  }
  return count;
}

}  // namespace

void Prefetcher::on_task(rpc::PrefetchTask task) {
  if (tasks_.contains(task.task)) return;
  tasks_[task.task].left = task.urls.size();
  for (std::string& url : task.urls) jobs_.push_back({task.task, std::move(url)});
  changed_.notify_all();
}

io::Task<void> Prefetcher::run() {
  io::Reactor& reactor = io::Reactor::current();
  for (std::size_t i = 0; i < kWorkers; ++i) reactor.spawn_into(workers_, work());
  for (;;) {
    co_await io::sleep_for(kReport);
    report();
  }
}

io::Task<void> Prefetcher::work() {
  for (;;) {
    const auto ticket = changed_.ticket();
    if (jobs_.empty()) {
      (void)co_await changed_.wait(ticket, io::kNoDeadline);
      continue;
    }
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    rpc::PrefetchedUrl result = co_await fetch(job.url);
    Running& task = tasks_[job.task];
    task.finished.push_back(std::move(result));
    --task.left;
  }
}

io::Task<rpc::PrefetchedUrl> Prefetcher::fetch(std::string url) {
  rpc::PrefetchedUrl failed{url, false, 0, 0, "the edge is down"};
  const MonoTime give_up = io::Reactor::current().in(kWaitForEdge);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    for (auto ticket = changed_.ticket(); !edge_.up(); ticket = changed_.ticket()) {
      if (!co_await changed_.wait(ticket, give_up)) co_return failed;
    }
    std::vector<std::string> urls;
    urls.push_back(url);
    auto results = co_await driver_.prefetch(std::move(urls));
    if (results && results->size() == 1) {
      rpc::PrefetchedUrl result = std::move(results->front());
      result.url = url;
      co_return result;
    }
    if (!results) failed.reason = results.error().message;
  }
  co_return failed;
}

void Prefetcher::report() {
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    Running& task = it->second;
    if (task.finished.empty() && task.left != 0) {
      ++it;
      continue;
    }
    const auto end = task.finished.begin() + static_cast<std::ptrdiff_t>(fitting(task.finished));
    const bool is_finished = task.left == 0 && end == task.finished.end();
    if (!control_.send(rpc::PrefetchResult{it->first, {task.finished.begin(), end}, is_finished})) return;
    task.finished.erase(task.finished.begin(), end);
    if (is_finished) it = tasks_.erase(it);
  }
}

}  // namespace yz::agent
