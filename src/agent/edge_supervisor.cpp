#include "agent/edge_supervisor.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartPoll = 10ms;
constexpr auto kHangCheck = 250ms;

}  // namespace

void EdgeSupervisor::stop() {
  stopping_ = true;
  stop_waiters_.notify_all();
}

std::optional<pid_t> EdgeSupervisor::pid() const {
  return child_ != nullptr ? std::optional(child_->pid()) : std::nullopt;
}

io::Task<void> EdgeSupervisor::run() {
  io::Reactor& reactor = io::Reactor::current();
  io::ChildProcess::Options process;
  process.argv = options_.argv;
  process.stdout_file = options_.log_file;
  auto restart = options_.first_restart;
  while (!stopping_) {
    const MonoTime started = reactor.now();
    auto child = io::ChildProcess::start(reactor, process);
    if (!child) {
      log::error("cannot start {}: {}", options_.argv.front(), child.error().message);
    } else {
      child_ = &*child;
      co_await mind(*child);
      child_ = nullptr;
    }
    if (stopping_) break;
    if (reactor.now() - started >= options_.stable_after) restart = options_.first_restart;
    co_await pause(restart);
    restart = std::min(restart * 2, options_.max_restart);
  }
}

io::Task<void> EdgeSupervisor::mind(io::ChildProcess& child) {
  io::Reactor& reactor = io::Reactor::current();
  log::info("edge started, pid {}", child.pid());
  ++generation_;
  if (co_await wait_until_it_answers(child)) {
    set_up(true);
    while (!stopping_ && !child.poll()) {
      (void)co_await child.wait(reactor.in(kHangCheck));
      if (!child.poll() && reactor.now() - last_life_ > options_.hang_timeout) {
        log::error("the edge has not answered for {} ms, killing it", options_.hang_timeout.count());
        child.kill(SIGKILL);
        last_life_ = reactor.now();
      }
    }
  }
  // On stop, whoever uses the edge hears that it is gone before it is told to end.
  set_up(false);
  const auto status = co_await child.terminate(stopping_ ? options_.stop_grace : 0ms);
  if (stopping_) co_return;
  log::error("the edge ended ({}); see {}", status ? to_string(*status) : status.error().message,
             options_.log_file.string());
}

io::Task<bool> EdgeSupervisor::wait_until_it_answers(io::ChildProcess& child) {
  io::Reactor& reactor = io::Reactor::current();
  const MonoTime deadline = reactor.in(options_.start_timeout);
  while (!stopping_ && !child.poll()) {
    // Another pid: an edge of an agent before us that is still ending. Ours cannot listen yet, and will tell by ending.
    const auto status = co_await driver_.status();
    if (status && (status->pid == 0 || status->pid == child.pid())) {
      last_life_ = reactor.now();
      co_return !child.poll();
    }
    if (reactor.now() >= deadline) {
      log::error("the edge did not answer on its socket within {} ms of its start", options_.start_timeout.count());
      co_return false;
    }
    (void)co_await child.wait(reactor.in(kStartPoll));
  }
  co_return false;
}

io::Task<void> EdgeSupervisor::pause(std::chrono::milliseconds time) {
  const MonoTime until = io::Reactor::current().in(time);
  while (!stopping_) {
    const auto ticket = stop_waiters_.ticket();
    if (stopping_ || !co_await stop_waiters_.wait(ticket, until)) co_return;
  }
}

void EdgeSupervisor::set_up(bool up) {
  if (std::exchange(is_up_, up) != up) changed_.notify_all();
}

}  // namespace yz::agent
