#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config_applier.h"
#include "agent/control_link.h"
#include "agent/edge_driver.h"
#include "agent/edge_supervisor.h"
#include "agent/log_shipper.h"
#include "agent/prefetcher.h"
#include "agent/purge_applier.h"
#include "agent/settings.h"
#include "agent/state_folder.h"
#include "agent/usage_shipper.h"
#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/waiters.h"

namespace yz::agent {

/// A joined node at work: owns the parts, routes control's messages to them, decides when the edge is ready, and keeps
/// on disk what a restart needs. One reactor's thread.
class Node {
 public:
  Node(io::Reactor& reactor, io::BlockingPool& pool, const Settings& settings, std::shared_ptr<const StateFolder> state,
       rpc::NodeIdentity identity, std::vector<std::string> edge_command);

  /// Until `stop` is set; then ends the edge in good order.
  [[nodiscard]] io::Task<void> run(io::Event& stop);
  /// Sessions with control begin with this certificate from now on.
  void set_identity(const rpc::NodeIdentity& renewed) { control_.set_identity(renewed); }

 private:
  void restore();
  void on_connected(const rpc::Welcome& welcome);
  void on_message(rpc::ControlMessage message);
  void on_disconnected();
  void update_hello();

  [[nodiscard]] io::Task<void> keep_edge_told();
  [[nodiscard]] io::Task<void> tell_edge(std::uint64_t generation);
  [[nodiscard]] io::Task<void> beat();
  [[nodiscard]] io::Task<void> report_corrections();
  [[nodiscard]] io::Task<void> keep_state_saved();
  [[nodiscard]] io::Task<void> watch_autonomy();
  [[nodiscard]] io::Task<void> stop_edge_when(io::Event& stop);
  void send_heartbeat();
  /// Ready by our own rules; the edge may not know yet.
  [[nodiscard]] bool should_be_ready() const;

  io::Reactor& reactor_;
  io::BlockingPool& pool_;
  const Settings& settings_;
  const std::shared_ptr<const StateFolder> state_;  // shared with what the pool still writes
  const rpc::NodeIdentity identity_;
  io::Waiters changed_;
  EdgeDriver driver_;
  EdgeSupervisor edge_;
  ControlLink control_;
  ConfigApplier config_;
  PurgeApplier purges_;
  UsageShipper usage_;
  LogShipper logs_;
  Prefetcher prefetcher_;

  bool draining_ = false;
  struct Told {  // what the edge process was told last
    std::uint64_t generation = 0;
    bool ready = false;
    bool draining = false;
    friend bool operator==(const Told&, const Told&) = default;
  } told_;
  model::Load load_;
  MonoTime last_beat_;
  double told_cpu_ = 0;
  MonoTime control_gone_since_;
  io::TaskScope scope_;  // last: its tasks end first
};

}  // namespace yz::agent
