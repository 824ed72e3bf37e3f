#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "io/task.h"
#include "io/watch.h"

namespace yz::io {

/// How a process ended.
struct ExitStatus {
  int exit_code = 0;  ///< meaningful when signal is 0
  int signal = 0;     ///< the signal that killed it, or 0
  [[nodiscard]] bool is_success() const { return exit_code == 0 && signal == 0; }
};

/// "exit code 3", "killed by signal 9 (Killed)".
[[nodiscard]] std::string to_string(const ExitStatus& status);

/// A program started by us. Killed (SIGKILL) and reaped when this is destroyed before it ended. One reactor's thread.
class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> argv;                                 ///< argv[0]: a path, or a name looked up in PATH
    std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours
    std::filesystem::path folder;                                  ///< working folder; empty: ours
    std::filesystem::path stdout_file;                             ///< appended to; empty: ours
    std::filesystem::path stderr_file;                             ///< appended to; empty: as stdout
    /// The child gets SIGTERM when our process dies, however it dies. Linux ties this to the *thread* that calls
    /// start(): start from a thread that lives as long as the process.
    bool dies_with_parent = true;
  };

  /// Starts it with default signal handling and no descriptors but 0, 1, 2. Fails when the program cannot be executed.
  [[nodiscard]] static Result<ChildProcess> start(Reactor& reactor, const Options& options);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Sends a signal; no effect when it has ended. Never reaches a stranger that got the same pid.
  void kill(int signal) noexcept;
  /// Waits for its end; asked again it tells the same. Fails with kTimeout.
  [[nodiscard]] Task<Result<ExitStatus>> wait(MonoTime deadline);
  /// SIGTERM, then SIGKILL if it has not ended after `grace`; waits for the end.
  [[nodiscard]] Task<Result<ExitStatus>> terminate(std::chrono::milliseconds grace);
  /// How it ended, if it has; does not wait.
  [[nodiscard]] std::optional<ExitStatus> poll();

 private:
  ChildProcess(pid_t pid, std::unique_ptr<Watch> watch) : pid_(pid), watch_(std::move(watch)) {}
  void end_now() noexcept;

  pid_t pid_ = -1;
  std::unique_ptr<Watch> watch_;  // of the pidfd
  std::optional<ExitStatus> status_;
};

}  // namespace yz::io
