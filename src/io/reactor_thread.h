#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "io/reactor.h"

namespace yz::io {

/// A thread that runs a reactor of its own: one worker of a server.
class ReactorThread {
 public:
  /// Starts the thread, named `name` (15 characters), and returns when its reactor is ready for posts.
  explicit ReactorThread(const std::string& name, Backend backend = default_backend());
  /// Stops the reactor and joins. What was spawned is destroyed on the reactor's thread.
  ~ReactorThread();
  ReactorThread(const ReactorThread&) = delete;
  ReactorThread& operator=(const ReactorThread&) = delete;

  /// Valid until the thread is joined; use post() and remote() only, the rest belongs to the thread.
  [[nodiscard]] Reactor& reactor() { return *reactor_; }
  /// Runs `function` on the reactor's thread and waits for it to return. Not from a reactor's thread.
  void run_and_wait(const std::function<void(Reactor&)>& function);

 private:
  Reactor* reactor_ = nullptr;
  std::thread thread_;
};

}  // namespace yz::io
