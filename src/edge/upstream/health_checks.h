#pragma once

#include "io/task.h"

namespace yz::edge {

class Worker;

/// Asks the health path of every origin of the groups that name one, each at its interval, as long as `worker` lives,
/// and tells the breakers: 2xx and 3xx are successes, everything else failures. One worker of an edge runs it.
[[nodiscard]] io::Task<void> run_health_checks(Worker& worker);

}  // namespace yz::edge
