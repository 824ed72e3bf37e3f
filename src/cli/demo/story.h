#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "cli/cluster/cluster.h"
#include "cli/demo/viewer.h"
#include "cli/file_server.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "io/task.h"

namespace yz::cli {

/// Samples of one measured time, in milliseconds.
class Samples {
 public:
  void add(std::chrono::nanoseconds time) { ms_.push_back(static_cast<double>(time.count()) / 1e6); }
  [[nodiscard]] std::size_t count() const { return ms_.size(); }
  /// The smallest value that at least `percent` of the samples do not exceed (nearest rank).
  [[nodiscard]] double percentile(double percent) const;
  /// "p50 3.1 ms, p99 8.0 ms, max 9.2 ms (200)"
  [[nodiscard]] std::string text() const;

 private:
  std::vector<double> ms_;
};

/// How much of everything the demo does; --quick makes it smaller, for tests.
struct DemoSize {
  int files = 2000;
  std::uint64_t big_file = 200ULL << 20;
  int crowd = 500;
  std::uint64_t crowd_file = 20ULL << 20;
  int refreshes = 200;
  int config_changes = 100;
  int kills = 10;
};

/// The demo's stage: its cluster, its origin, its viewers, and the account it prints. Steps are free functions, one
/// file each. One reactor's thread.
class Story {
 public:
  Story(io::Reactor& reactor, Cluster& cluster, DemoSize size, std::filesystem::path site);

  io::Reactor& reactor;
  Cluster& cluster;
  const DemoSize size;
  Ledger ledger;
  Viewers viewers;
  FileServer origin;
  std::uint64_t slow_rate = 0;                 ///< bytes per second of the origin's files below /slow/; 0: not slow
  const std::filesystem::path site;            ///< the origin's folder
  IpAddress unicom;                            ///< a viewer in Beijing on Unicom
  IpAddress telecom;                           ///< a viewer in Guangdong on Telecom
  std::string host = "www.demo.test";          ///< the domain of most steps
  std::string crash_host = "crash.demo.test";  ///< the domain asked for while edges are killed
  WallTime started;
  std::vector<std::string> summary;  ///< for the last line

  [[nodiscard]] const PlannedNode& beijing() const { return cluster.plan().nodes[0]; }
  [[nodiscard]] const PlannedNode& guangdong() const { return cluster.plan().nodes[1]; }
  [[nodiscard]] std::string cname(const std::string& of) const { return of + "." + cluster.plan().zone; }

  void title(int number, std::string_view text);
  /// One line of the account.
  void tell(std::string_view text) const;
  /// Says that a claim holds, or fails with it.
  [[nodiscard]] Status check(bool holds, std::string_view claim) const;
  /// The same for a measured time against its bound.
  [[nodiscard]] Status check_time(const Samples& samples, double percent, double bound_ms, std::string_view what);

  /// The node DNS names for a viewer; the first address.
  [[nodiscard]] io::Task<Result<Endpoint>> edge_for(std::string of, IpAddress client);
  [[nodiscard]] io::Task<Result<Reply>> get(Endpoint edge, std::string path, IpAddress client,
                                            std::optional<std::string_view> expected);
  /// Replaces a file of the origin as one step.
  [[nodiscard]] Status write_file(const std::string& path, std::string_view content) const;
  /// Asks for a refresh and waits until every node has done it; the task, and how long it took in `samples`.
  [[nodiscard]] io::Task<Result<nlohmann::json>> refresh(nlohmann::json body, Samples& samples);
  /// Waits, asking every few milliseconds, until `holds`. Fails with kTimeout and what was waited for.
  [[nodiscard]] io::Task<Status> wait_until(std::function<io::Task<bool>()> holds, std::chrono::milliseconds timeout,
                                            std::string what,
                                            std::chrono::milliseconds every = std::chrono::milliseconds(5));
};

/// Runs tasks side by side and keeps the first failure. Destroying it gives up the rest.
class Together {
 public:
  explicit Together(io::Reactor& reactor) : reactor_(reactor) {}
  void add(io::Task<Status> task);
  /// When all have ended.
  [[nodiscard]] io::Task<Status> wait();

 private:
  io::Task<void> run(io::Task<Status> task);
  io::Reactor& reactor_;
  io::TaskScope scope_;
  Status first_failure_;
};

/// A file as a view, mapped; the way to compare with large ones.
class MappedFile {
 public:
  [[nodiscard]] static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  [[nodiscard]] std::string_view view() const { return view_; }

 private:
  explicit MappedFile(std::string_view view) : view_(view) {}
  std::string_view view_;
};

// The steps of the story, in order.
io::Task<Status> step_domain(Story& story);
io::Task<Status> step_dns(Story& story);
io::Task<Status> step_files(Story& story);
io::Task<Status> step_crowd(Story& story);
io::Task<Status> step_refresh(Story& story);
io::Task<Status> step_prefetch(Story& story);
io::Task<Status> step_correction(Story& story);
io::Task<Status> step_dead_node(Story& story);
io::Task<Status> step_dead_control(Story& story);
io::Task<Status> step_usage(Story& story);

}  // namespace yz::cli
