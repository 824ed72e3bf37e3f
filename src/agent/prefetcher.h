#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/cache_driver.h"
#include "agent/control_link.h"
#include "agent/edge_presence.h"
#include "io/reactor.h"
#include "io/waiters.h"

namespace yz::agent {

/// Fetches the URLs that control hands out, a few at a time, and reports each as it ends. Results wait for control when
/// it is away. A URL given again while it is under way is not fetched twice. One reactor's thread.
class Prefetcher {
 public:
  Prefetcher(CacheDriver& driver, const EdgePresence& edge, ControlSink& control, io::Waiters& changed)
      : driver_(driver), edge_(edge), control_(control), changed_(changed) {}

  void on_task(rpc::PrefetchTask task);
  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();

 private:
  struct Job {
    std::string url;
    bool reads_manifests = false;

    friend auto operator<=>(const Job&, const Job&) = default;
  };
  /// Of a task: what ended and is not yet reported, and what has not ended.
  struct Running {
    std::set<Job> under_way;
    std::deque<std::pair<std::string, std::vector<std::string>>> links;  // by manifest; each before its result
    std::vector<rpc::PrefetchedUrl> finished;
  };
  [[nodiscard]] io::Task<void> work();
  [[nodiscard]] io::Task<Prefetched> fetch(Job job);
  void report();
  [[nodiscard]] bool report_one(model::TaskId id, Running& task);

  CacheDriver& driver_;
  const EdgePresence& edge_;
  ControlSink& control_;
  io::Waiters& changed_;
  std::map<model::TaskId, Running> tasks_;
  std::deque<std::pair<model::TaskId, Job>> jobs_;
  io::TaskScope workers_;
};

}  // namespace yz::agent
