#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "io/child_process.h"
#include "io/reactor.h"
#include "io/task.h"

namespace yz::cli {

/// A program of the cluster and how to run it.
struct Program {
  std::string name;  ///< unique: "agent beijing-1"
  std::vector<std::string> argv;
  std::filesystem::path log;  ///< both its outputs, appended
  bool ends_last = false;     ///< others write to it until their end
};

/// Keeps programs running: restarts one that ends, after a pause that doubles from 100 ms to 5 s while it keeps ending
/// early. One reactor's thread, which must live as long as the process (the children die with it).
class Supervisor {
 public:
  explicit Supervisor(io::Reactor& reactor);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts a program, now and whenever it ends. Fails when it cannot be executed.
  [[nodiscard]] Status start(Program program);
  /// The process id, 0 while it is not running or unknown.
  [[nodiscard]] pid_t pid_of(const std::string& name) const;
  /// Sends a signal and, with `stay_down`, leaves it ended until resume().
  void kill(const std::string& name, int signal, bool stay_down);
  void resume(const std::string& name);
  /// How many times it was started again.
  [[nodiscard]] int restarts_of(const std::string& name) const;
  /// Ends every program, the last started first: SIGTERM, and SIGKILL after `grace`. Those that `ends_last` once the
  /// others have ended, with the same grace.
  [[nodiscard]] io::Task<void> stop_all(std::chrono::milliseconds grace);

  [[nodiscard]] std::vector<std::string> names() const;

 private:
  struct Running;
  io::Task<void> keep_running(Running& running);
  io::Task<void> stop_those(bool ends_last, std::chrono::milliseconds grace);
  [[nodiscard]] Running* find(const std::string& name) const;

  io::Reactor& reactor_;
  bool is_stopping_ = false;
  std::vector<std::unique_ptr<Running>> programs_;
  io::TaskScope tasks_;
};

/// The processes whose parent is `pid`, from /proc.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

}  // namespace yz::cli
