#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/ip.h"
#include "base/result.h"
#include "cli/api_client.h"
#include "cli/cluster/plan.h"
#include "cli/cluster/supervisor.h"
#include "geo/geo_map.h"
#include "io/reactor.h"
#include "io/task.h"

namespace yz::cli {

/// What a cluster is made of besides its plan.
struct ClusterOptions {
  std::filesystem::path bin;  ///< folder of the programs
  std::filesystem::path geo;  ///< compiled address map; empty: one of a few blocks is made, so that the samples work
  std::string edge_memory = "256MiB";
  std::string edge_disk;  ///< size of each edge's disk cache, a sparse file in its node's folder; empty: none
  /// Says what is being waited for, for people.
  std::function<void(std::string_view)> progress = [](std::string_view) {};
};

/// A whole CDN on this machine: control (on production stores two, and their servers), one scheduler, and for each
/// planned node an agent with its edge. Its folder holds everything, so starting it again finds its state. One
/// reactor's thread.
class Cluster {
 public:
  Cluster(io::Reactor& reactor, ClusterPlan plan, ClusterOptions options);

  /// Starts the stores and control, creates what is missing through its API (settings, groups, nodes, policy), then the
  /// scheduler and the agents, each enrolled with a join token the first time, and waits until all nodes are ready.
  /// Fails with one sentence that names the program and its log.
  [[nodiscard]] io::Task<Status> start();
  /// Ends every program.
  [[nodiscard]] io::Task<void> stop();

  /// Sees to it that the domain exists and is fetched from the origin at host:port; the domain as JSON.
  [[nodiscard]] io::Task<Result<nlohmann::json>> ensure_domain(std::string name, std::string origin_host,
                                                               std::uint16_t origin_port, bool origin_tls);
  /// The program that leads: what only a leader knows is asked of it, by api() too from now on. Fails with
  /// kUnavailable while none does.
  [[nodiscard]] io::Task<Result<std::string>> find_leader();
  /// Waits until every node is connected and ready with the newest configuration, and the scheduler has it.
  [[nodiscard]] io::Task<Status> wait_until_ready(std::chrono::milliseconds timeout);
  /// Waits until DNS answers for the name (with at least one address).
  [[nodiscard]] io::Task<Status> wait_for_dns(std::string name, std::chrono::milliseconds timeout);

  [[nodiscard]] const ClusterPlan& plan() const { return plan_; }
  [[nodiscard]] const ClusterOptions& options() const { return options_; }
  /// Of the instance of control that led when it was last looked for.
  [[nodiscard]] ApiClient& api() { return api_; }
  [[nodiscard]] Supervisor& programs() { return programs_; }
  [[nodiscard]] const geo::GeoMap& geo() const { return *geo_; }
  [[nodiscard]] Endpoint dns() const { return {IpAddress::v4(0x7f000001), plan_.dns_port}; }
  [[nodiscard]] Endpoint edge(const PlannedNode& node) const { return {node.address, plan_.edge_port}; }
  [[nodiscard]] std::filesystem::path log_of(std::string_view program) const;
  /// Folder of a node's agent.
  [[nodiscard]] std::filesystem::path state_of(std::string_view node) const;

 private:
  [[nodiscard]] Status check_programs() const;
  [[nodiscard]] Status prepare_geo();
  [[nodiscard]] Status prepare_certificate();
  [[nodiscard]] Status start_program(const std::string& name, const std::string& program,
                                     const nlohmann::json& settings);
  io::Task<Status> start_stores();
  io::Task<Status> start_controls();
  [[nodiscard]] Status share_seal_key(const PlannedControl& control) const;
  [[nodiscard]] Status start_control(const PlannedControl& control);
  io::Task<Status> wait_for_control(PlannedControl control);
  [[nodiscard]] nlohmann::json node_addresses_of_control() const;
  [[nodiscard]] std::filesystem::path state_of_control(const PlannedControl& control) const;
  io::Task<Status> ensure_resources();
  io::Task<Result<std::uint64_t>> ensure(std::string path, nlohmann::json wanted);
  io::Task<Status> start_scheduler();
  [[nodiscard]] nlohmann::json edge_settings(const PlannedNode& node) const;
  io::Task<Status> start_agent(const PlannedNode& node);
  [[nodiscard]] std::string last_words_of(std::string_view program) const;

  io::Reactor& reactor_;
  ClusterPlan plan_;
  ClusterOptions options_;
  std::filesystem::path geo_file_;
  std::shared_ptr<const geo::GeoMap> geo_ = geo::GeoMap::empty();
  ApiClient api_;
  ApiClient asker_;  // for what is asked of each instance
  Supervisor programs_;
};

/// An address of a place and line, for samples: `wanted` if the map puts it there, else the first /24 of the map that
/// is. Fails with kNotFound.
[[nodiscard]] Result<IpAddress> sample_address(const geo::GeoMap& map, geo::Province province, geo::Isp isp,
                                               std::string_view wanted);

}  // namespace yz::cli
