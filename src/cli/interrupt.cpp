#include "cli/interrupt.h"

#include <csignal>
#include <optional>

#include "io/scope.h"
#include "io/signal_waiter.h"

namespace yz::cli {
namespace {

io::Task<void> keep_result(io::Task<Status> work, std::optional<Status>& out) { out = co_await std::move(work); }

}  // namespace

void hold_stop_signals() { io::SignalWaiter::block({SIGINT, SIGTERM, SIGHUP}); }

io::Task<Status> unless_stopped(io::Reactor& reactor, io::Task<Status> work) {
  io::SignalWaiter signals(reactor, {SIGINT, SIGTERM, SIGHUP});
  std::optional<Status> result;
  io::TaskScope scope;
  reactor.spawn_into(scope, keep_result(std::move(work), result));
  while (!result) {
    if (co_await signals.next(reactor.in(std::chrono::milliseconds(20)))) {
      co_return fail(Code::kCancelled, "stopped by a signal");
    }
  }
  co_return *std::move(result);
}

io::Task<Status> stay() {
  while (true) co_await io::sleep_for(std::chrono::hours(1));
}

}  // namespace yz::cli
