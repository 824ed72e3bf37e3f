#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "agent/fake_control.h"
#include "base/file.h"
#include "base/text.h"
#include "io/child_process.h"
#include "io/reactor_thread.h"

namespace yz::agent {

using namespace std::chrono_literals;

/// Waits until `holds` does.
template <typename F>
bool eventually(F holds, std::chrono::milliseconds limit = 15s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

/// The program yz-agent as a child process, with a control in this process and an edge program of the test's choice.
class AgentFixture : public testing::Test {
 protected:
  /// Paths of the two programs; `settings` of the edge: a YAML mapping on one line.
  AgentFixture(std::string agent_program, std::string edge_program, std::string settings)
      : agent_program_(std::move(agent_program)),
        edge_program_(std::move(edge_program)),
        edge_settings_(std::move(settings)) {
    control.start();
  }
  ~AgentFixture() override { stop_agent(); }

  [[nodiscard]] std::filesystem::path state() const { return folder.path() / "agent"; }

  void start_agent(bool with_token = false) {
    std::vector<std::string> argv{agent_program_, "--control",      control.address(),
                                  "--state",      state().string(), "--edge-binary",
                                  edge_program_,  "--config",       (folder.path() / "agent.yaml").string()};
    if (with_token) argv.insert(argv.end(), {"--join", control.token()});
    std::ofstream(folder.path() / "agent.yaml") << "autonomy_after: 500ms\nname: test\nlog: {level: debug}\n"
                                                << "edge: {settings: " << edge_settings_ << "}\n";
    thread.run_and_wait([&](io::Reactor& reactor) {
      io::ChildProcess::Options options;
      options.argv = argv;
      options.stdout_file = folder.path() / "agent.log";
      auto started = io::ChildProcess::start(reactor, options);
      ASSERT_TRUE(started) << started.error().message;
      agent.emplace(*std::move(started));
    });
  }
  void signal_agent(int signal) {
    thread.run_and_wait([&](io::Reactor&) { agent->kill(signal); });
  }
  std::optional<io::ExitStatus> wait_for_agent() {
    std::optional<io::ExitStatus> status;
    eventually([&] {
      thread.run_and_wait([&](io::Reactor&) { status = agent->poll(); });
      return status.has_value();
    });
    return status;
  }
  void kill_agent() {
    signal_agent(SIGKILL);
    ASSERT_TRUE(wait_for_agent());
  }
  void stop_agent() {
    thread.run_and_wait([&](io::Reactor&) { agent.reset(); });
  }

  /// The edge's pid, from its status; 0 when it does not answer.
  [[nodiscard]] pid_t edge_pid() const {
    pid_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parse_u64(entry.path().filename().string());
      if (!pid) continue;
      const auto command = read_file(entry.path() / "cmdline");
      if (command && command->find((state() / "edge.json").string()) != std::string::npos) {
        found = static_cast<pid_t>(*pid);
      }
    }
    return found;
  }
  [[nodiscard]] std::string log() const { return read_file(folder.path() / "agent.log").value_or(""); }

  void join_and_wait(std::uint64_t config = 3) {
    control.publish_config(config);
    start_agent(true);
    ASSERT_TRUE(control.wait_until_ready()) << log();
  }

  const std::string agent_program_;

  const std::string edge_program_;
  const std::string edge_settings_;
  TempFolder folder;
  FakeControl control;
  io::ReactorThread thread{"children"};
  std::optional<io::ChildProcess> agent;
};

}  // namespace yz::agent
