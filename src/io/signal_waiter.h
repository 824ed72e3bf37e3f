#pragma once

#include <initializer_list>

#include "io/task.h"
#include "io/watch.h"

namespace yz::io {

/// Receives signals as events of a reactor (signalfd). Block the signals before the first thread starts, so that no
/// thread takes them the default way.
class SignalWaiter {
 public:
  /// Blocks the signals for the calling thread and all threads it starts from now on. First thing in main().
  static void block(std::initializer_list<int> signals);

  /// Blocks the signals, too, for the calling thread.
  SignalWaiter(Reactor& reactor, std::initializer_list<int> signals);

  /// The next signal's number. Fails with kTimeout.
  [[nodiscard]] Task<Result<int>> next(MonoTime deadline);

 private:
  Watch watch_;
};

}  // namespace yz::io
