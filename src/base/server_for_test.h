#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace yz {

// Real servers of the system in tests. Tests only.

/// A port of 127.0.0.1 that nobody has now.
[[nodiscard]] std::uint16_t free_port_for_test();
/// Whether somebody takes connections on it.
[[nodiscard]] bool accepts_for_test(std::uint16_t port);

/// A server's process, which ends with its object or with the test, however that ends.
class ServerForTest final {
 public:
  ServerForTest() = default;
  ~ServerForTest() { kill(); }
  ServerForTest(const ServerForTest&) = delete;
  ServerForTest& operator=(const ServerForTest&) = delete;

  /// Starts `arguments`, the program's path first; its output is added to `log`. Blocks until `is_open()`. Fails with
  /// kUnavailable and what it said when it ends before that, or after `patience`.
  Status start(const std::vector<std::string>& arguments, const std::filesystem::path& log,
               const std::function<bool()>& is_open, std::chrono::seconds patience);
  /// SIGTERM, and waits for its end.
  void stop() { end(SIGTERM); }
  /// SIGKILL.
  void kill() { end(SIGKILL); }
  /// SIGSTOP and SIGCONT: in between it hangs.
  void freeze() const;
  void thaw() const;

 private:
  void end(int signal);

  pid_t pid_ = -1;
};

/// Runs a program to its end. Fails with kInternal and what it said.
[[nodiscard]] Status run_for_test(const std::vector<std::string>& arguments, const std::filesystem::path& log);

}  // namespace yz
