#include "cli/cluster/supervisor.h"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "io/waiters.h"

namespace yz::cli {

using std::chrono::milliseconds;

struct Supervisor::Running {
  Program program;
  std::optional<io::ChildProcess> process;
  io::Waiters changed;  // someone resumed it, or the supervisor stops
  bool stays_down = false;
  int restarts = 0;
};

Supervisor::Supervisor(io::Reactor& reactor) : reactor_(reactor) {}

Supervisor::~Supervisor() { tasks_.cancel_all(); }

Supervisor::Running* Supervisor::find(const std::string& name) const {
  const auto it =
      std::find_if(programs_.begin(), programs_.end(), [&](const auto& p) { return p->program.name == name; });
  return it == programs_.end() ? nullptr : it->get();
}

namespace {

Result<io::ChildProcess> launch(io::Reactor& reactor, const Program& program) {
  io::ChildProcess::Options options;
  options.argv = program.argv;
  options.stdout_file = program.log;
  return io::ChildProcess::start(reactor, options);
}

}  // namespace

Status Supervisor::start(Program program) {
  auto running = std::make_unique<Running>();
  running->program = std::move(program);
  YZ_TRY(running->process, launch(reactor_, running->program));
  programs_.push_back(std::move(running));
  reactor_.spawn_into(tasks_, keep_running(*programs_.back()));
  return {};
}

io::Task<void> Supervisor::keep_running(Running& running) {
  milliseconds pause(100);
  MonoTime started = reactor_.now();
  while (true) {
    if (running.process) {
      const auto end = co_await running.process->wait(io::kNoDeadline);
      running.process.reset();
      if (is_stopping_) co_return;
      if (!running.stays_down) {
        log::warn("{} ended: {}; see {}", running.program.name, end ? to_string(*end) : end.error().message,
                  running.program.log.string());
      }
      pause = reactor_.now() - started > std::chrono::seconds(10) ? milliseconds(100)
                                                                  : std::min(pause * 2, milliseconds(5000));
    }
    while (running.stays_down && !is_stopping_) {
      const auto ticket = running.changed.ticket();
      if (!running.stays_down || is_stopping_) break;
      (void)co_await running.changed.wait(ticket, io::kNoDeadline);
      pause = milliseconds(0);
    }
    if (is_stopping_) co_return;
    co_await io::sleep_for(pause);
    if (is_stopping_ || running.stays_down) continue;
    pause = std::max(pause, milliseconds(100));
    started = reactor_.now();
    ++running.restarts;
    auto process = launch(reactor_, running.program);
    if (process) {
      running.process = std::move(*process);
    } else {
      log::error("{} cannot be started again: {}", running.program.name, process.error().message);
      pause = std::min(pause * 2, milliseconds(5000));
    }
  }
}

pid_t Supervisor::pid_of(const std::string& name) const {
  const Running* running = find(name);
  return running != nullptr && running->process ? running->process->pid() : 0;
}

void Supervisor::kill(const std::string& name, int signal, bool stay_down) {
  Running* running = find(name);
  if (running == nullptr) return;
  running->stays_down = stay_down;
  if (running->process) running->process->kill(signal);
}

void Supervisor::resume(const std::string& name) {
  Running* running = find(name);
  if (running == nullptr) return;
  running->stays_down = false;
  running->changed.notify_all();
}

int Supervisor::restarts_of(const std::string& name) const {
  const Running* running = find(name);
  return running == nullptr ? 0 : running->restarts;
}

std::vector<std::string> Supervisor::names() const {
  std::vector<std::string> out;
  for (const auto& running : programs_) out.push_back(running->program.name);
  return out;
}

io::Task<void> Supervisor::stop_all(milliseconds grace) {
  is_stopping_ = true;
  co_await stop_those(false, grace);
  co_await stop_those(true, grace);
}

io::Task<void> Supervisor::stop_those(bool ends_last, milliseconds grace) {
  std::vector<Running*> those;
  for (const auto& running : programs_) {
    if (running->program.ends_last == ends_last) those.push_back(running.get());
  }
  for (auto it = those.rbegin(); it != those.rend(); ++it) {
    if ((*it)->process) (*it)->process->kill(SIGTERM);
    (*it)->changed.notify_all();
  }
  const MonoTime deadline = reactor_.in(grace);
  const auto any_left = [&those] {
    return std::any_of(those.begin(), those.end(), [](const Running* p) { return p->process.has_value(); });
  };
  while (any_left()) {
    if (reactor_.now() >= deadline) {
      for (Running* running : those) {
        if (running->process) running->process->kill(SIGKILL);
      }
    }
    co_await io::sleep_for(milliseconds(20));
  }
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), ignored)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child = 0; in >> child;) out.push_back(child);
  }
  return out;
}

}  // namespace yz::cli
