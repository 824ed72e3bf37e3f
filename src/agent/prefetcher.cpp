#include "agent/prefetcher.h"

#include <chrono>
#include <cstddef>
#include <iterator>
#include <utility>

#include "rpc/payload.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 8;
constexpr auto kReport = 100ms;     // results of this long are reported together
constexpr auto kWaitForEdge = 30s;  // a URL fails when the edge is down for longer
constexpr int kAttempts = 2;        // when the edge dies under it

/// How many of the first go into one message: control ends a session over one that is too large.
template <typename T, typename SizeOf>
std::ptrdiff_t fitting(const std::vector<T>& items, SizeOf size_of) {
  constexpr std::size_t kFixedCost = 64;
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < items.size(); ++count) {
    bytes += size_of(items[count]) + kFixedCost;
    if (count > 0 && bytes > rpc::kMaxPiece) break;
  }
  return static_cast<std::ptrdiff_t>(count);
}

}  // namespace

void Prefetcher::on_task(rpc::PrefetchTask task) {
  for (std::string& url : task.urls) {
    Job job{std::move(url), task.reads_manifests};
    if (tasks_[task.task].under_way.insert(job).second) jobs_.emplace_back(task.task, std::move(job));
  }
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
    const auto [id, job] = std::move(jobs_.front());
    jobs_.pop_front();
    Prefetched done = co_await fetch(job);
    Running& task = tasks_[id];
    if (!done.links.empty()) task.links.emplace_back(job.url, std::move(done.links));
    done.result.was_read = job.reads_manifests;
    task.finished.push_back(std::move(done.result));
    task.under_way.erase(job);
  }
}

io::Task<Prefetched> Prefetcher::fetch(Job job) {
  Prefetched failed{{job.url, false, 0, 0, "the edge is down"}, {}};
  const MonoTime give_up = io::Reactor::current().in(kWaitForEdge);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    for (auto ticket = changed_.ticket(); !edge_.up(); ticket = changed_.ticket()) {
      if (!co_await changed_.wait(ticket, give_up)) co_return failed;
    }
    auto done = co_await driver_.prefetch(job.url, job.reads_manifests);
    if (done) {
      done->result.url = job.url;
      co_return *std::move(done);
    }
    failed.result.reason = done.error().message;
  }
  co_return failed;
}

void Prefetcher::report() {
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    Running& task = it->second;
    while (!task.links.empty() || !task.finished.empty()) {
      if (!report_one(it->first, task)) return;
    }
    it = task.under_way.empty() ? tasks_.erase(it) : std::next(it);
  }
}

/// One message of what is to be told, links first; false when control cannot be told now.
bool Prefetcher::report_one(model::TaskId id, Running& task) {
  if (!task.links.empty()) {
    auto& [manifest, links] = task.links.front();
    const auto end = links.begin() + fitting(links, [](const std::string& link) { return link.size(); });
    if (!control_.send(rpc::PrefetchResult{id, {}, manifest, {links.begin(), end}})) return false;
    links.erase(links.begin(), end);
    if (links.empty()) task.links.pop_front();
    return true;
  }
  const auto size_of = [](const rpc::PrefetchedUrl& url) { return url.url.size() + url.reason.size(); };
  const auto end = task.finished.begin() + fitting(task.finished, size_of);
  if (!control_.send(rpc::PrefetchResult{id, {task.finished.begin(), end}, {}, {}})) return false;
  task.finished.erase(task.finished.begin(), end);
  return true;
}

}  // namespace yz::agent
