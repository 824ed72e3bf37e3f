#pragma once

#include "base/result.h"
#include "io/reactor.h"
#include "io/task.h"

namespace yz::cli {

/// Makes SIGINT, SIGTERM and SIGHUP wait for `unless_stopped`. Before the first thread starts.
void hold_stop_signals();

/// Runs the work and returns its result; when one of those signals comes first, the work is given up (its coroutine
/// destroyed) and the result is kCancelled.
[[nodiscard]] io::Task<Status> unless_stopped(io::Reactor& reactor, io::Task<Status> work);

/// Never ends, for programs that run until they are stopped.
[[nodiscard]] io::Task<Status> stay();

}  // namespace yz::cli
