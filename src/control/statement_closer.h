#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "store/database.h"

namespace yz::control {

/// Draws up and closes every month that is over: once all nodes have delivered its counts, or a day after its end with
/// what is missing named in the log. Blocks; by the leader, now and then.
Status close_due_statements(store::Database& database, WallTime now);

}  // namespace yz::control
