#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/cache_driver.h"
#include "agent/edge_presence.h"
#include "io/child_process.h"
#include "io/waiters.h"

namespace yz::agent {

/// Keeps one edge process running: starts it, waits until it answers, starts it again when it ends or hangs. It knows
/// the process by having started it, never by name or pid file. One reactor's thread.
class EdgeSupervisor final : public EdgePresence {
 public:
  struct Options {
    std::vector<std::string> argv;
    std::filesystem::path log_file;               ///< the process's standard output and error
    std::chrono::milliseconds first_restart{50};  ///< doubles with each failure in a row
    std::chrono::milliseconds max_restart{5'000};
    std::chrono::milliseconds stable_after{10'000};   ///< having run this long, the next restart is quick again
    std::chrono::milliseconds start_timeout{20'000};  ///< to the first answer on its socket
    std::chrono::milliseconds hang_timeout{5'000};    ///< without any answer, then it is killed
    std::chrono::milliseconds stop_grace{10'000};
  };

  /// `changed` is notified whenever the answer of up() changes.
  EdgeSupervisor(Options options, CacheDriver& driver, io::Waiters& changed)
      : options_(std::move(options)), driver_(driver), changed_(changed) {}

  /// Until stop(): then ends the process (SIGTERM, later SIGKILL) and returns.
  [[nodiscard]] io::Task<void> run();
  /// run() returns soon.
  void stop();

  [[nodiscard]] std::optional<std::uint64_t> up() const override {
    return is_up_ ? std::optional(generation_) : std::nullopt;
  }
  [[nodiscard]] std::optional<pid_t> pid() const;
  /// The process answered just now: it is not hanging.
  void saw_life(MonoTime now) { last_life_ = now; }

 private:
  [[nodiscard]] io::Task<void> mind(io::ChildProcess& child);
  [[nodiscard]] io::Task<bool> wait_until_it_answers(io::ChildProcess& child);
  [[nodiscard]] io::Task<void> pause(std::chrono::milliseconds time);
  void set_up(bool up);

  const Options options_;
  CacheDriver& driver_;
  io::Waiters& changed_;
  io::Waiters stop_waiters_;
  bool stopping_ = false;
  bool is_up_ = false;
  std::uint64_t generation_ = 0;
  MonoTime last_life_{};
  io::ChildProcess* child_ = nullptr;
};

}  // namespace yz::agent
