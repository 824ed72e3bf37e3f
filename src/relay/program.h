#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/blocking_pool.h"
#include "io/task.h"
#include "io/waiters.h"

namespace yz::relay {

/// What a relay is told by its operator.
struct Settings {
  std::vector<std::string> controls;  ///< host:port each
  std::string listen = "0.0.0.0:8443";
  std::string join_token;       ///< needed once
  std::string name;             ///< for people
  std::filesystem::path state;  ///< the folder that keeps its identity
};

/// Joins, if that was not done before, and relays until `stop` is set. Fails with kInvalid when something needed is
/// missing, kUnavailable when another relay uses the folder or the address is taken, and as rpc::obtain_identity.
[[nodiscard]] io::Task<Status> run(Settings settings, io::BlockingPool& pool, io::Event& stop);

}  // namespace yz::relay
