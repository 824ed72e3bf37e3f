#include "agent/prefetcher.h"

#include <chrono>
#include <utility>

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 8;
constexpr auto kReport = 100ms;     // results of this long are reported together
constexpr auto kWaitForEdge = 30s;  // a URL fails when the edge is down for longer
constexpr int kAttempts = 2;        // when the edge dies under it

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
    const bool is_finished = task.left == 0;
    if (task.finished.empty() && !is_finished) {
      ++it;
      continue;
    }
    if (!control_.send(rpc::PrefetchResult{it->first, task.finished, is_finished})) return;
    task.finished.clear();
    it = is_finished ? tasks_.erase(it) : std::next(it);
  }
}

}  // namespace yz::agent
