#pragma once

#include "agent/settings.h"
#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/task.h"
#include "io/waiters.h"

namespace yz::agent {

/// The program: joins the cluster if it has to, then runs the node until it is told to stop. One reactor's thread.
class Agent {
 public:
  /// The pool is for the disk and for joining. Both outlive the agent.
  Agent(io::BlockingPool& pool, Settings settings) : pool_(pool), settings_(std::move(settings)) {}

  /// Until request_stop(). Fails when the node cannot join or its folder cannot be used.
  [[nodiscard]] io::Task<Status> run();
  /// run() ends the edge in good order and returns.
  void request_stop() { stop_.set(); }

 private:
  io::BlockingPool& pool_;
  const Settings settings_;
  io::Event stop_;
};

}  // namespace yz::agent
