#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/cluster/plan.h"
#include "cli/cluster/supervisor.h"
#include "io/task.h"

namespace yz::cli {

/// A Redis server of the cluster's own: Debian's program, with a password; it keeps nothing on disk.
struct Redis {
  std::filesystem::path folder;  ///< absolute
  std::uint16_t port = 0;        ///< on 127.0.0.1
  std::string password;          ///< letters, digits, '-' and '_'

  /// What control is given.
  [[nodiscard]] std::string url() const;
};

/// That of a plan on production stores.
[[nodiscard]] Redis redis_of(const ClusterPlan& plan);

/// Writes the server's settings, of mode 0600; the program to start. Fails with kNotFound and the package's name when
/// Redis is not installed.
[[nodiscard]] Result<Program> prepare(const Redis& server, std::filesystem::path log);
/// Waits until it takes connections. Fails with kTimeout.
[[nodiscard]] io::Task<Status> wait_until_open(Redis server, MonoTime deadline);

}  // namespace yz::cli
