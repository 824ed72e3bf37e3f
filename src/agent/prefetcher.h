#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/cache_driver.h"
#include "agent/control_link.h"
#include "agent/edge_presence.h"
#include "io/reactor.h"
#include "io/waiters.h"

namespace yz::agent {

/// Works off prefetch tasks, a few URLs at a time, and reports each URL as it ends. Results wait for control when it is
/// away. A task given again while it runs is not run twice. One reactor's thread.
class Prefetcher {
 public:
  Prefetcher(CacheDriver& driver, const EdgePresence& edge, ControlSink& control, io::Waiters& changed)
      : driver_(driver), edge_(edge), control_(control), changed_(changed) {}

  void on_task(rpc::PrefetchTask task);
  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();

 private:
  struct Running {
    std::size_t left = 0;                      // URLs without a result
    std::vector<rpc::PrefetchedUrl> finished;  // not yet reported
  };
  struct Job {
    model::TaskId task;
    std::string url;
  };
  [[nodiscard]] io::Task<void> work();
  [[nodiscard]] io::Task<rpc::PrefetchedUrl> fetch(std::string url);
  void report();

  CacheDriver& driver_;
  const EdgePresence& edge_;
  ControlSink& control_;
  io::Waiters& changed_;
  std::map<model::TaskId, Running> tasks_;
  std::deque<Job> jobs_;
  io::TaskScope workers_;
};

}  // namespace yz::agent
