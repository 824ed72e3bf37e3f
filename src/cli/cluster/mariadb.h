#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/cluster/plan.h"
#include "cli/cluster/supervisor.h"
#include "io/reactor.h"
#include "io/task.h"

namespace yz::cli {

/// A MariaDB server of the cluster's own: Debian's program on its own data, with an empty database `yizhan` and the one
/// account that may use it, over TCP with a password. Nothing of the machine's own MariaDB is read or touched.
struct Mariadb {
  std::filesystem::path folder;  ///< absolute: settings, data and socket
  std::uint16_t port = 0;        ///< on 127.0.0.1
  std::string password;          ///< letters, digits, '-' and '_'

  /// What control is given.
  [[nodiscard]] std::string url() const;
};

/// That of a plan on production stores.
[[nodiscard]] Mariadb mariadb_of(const ClusterPlan& plan);

/// Makes the server's data the first time (about two seconds) and writes its settings; the program to start. The
/// password is in files of mode 0600 only. Fails with kNotFound and the package's name when MariaDB is not installed.
[[nodiscard]] io::Task<Result<Program>> prepare(io::Reactor& reactor, Mariadb server, std::filesystem::path log);
/// Waits until it takes connections. Fails with kTimeout.
[[nodiscard]] io::Task<Status> wait_until_open(Mariadb server, MonoTime deadline);

}  // namespace yz::cli
