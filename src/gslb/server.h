#pragma once

#include <memory>
#include <vector>

#include "gslb/control_link.h"
#include "gslb/dns_service.h"
#include "gslb/health_book.h"
#include "gslb/http_api.h"
#include "gslb/prober.h"
#include "gslb/settings.h"
#include "gslb/state_store.h"
#include "gslb/world.h"
#include "io/blocking_pool.h"
#include "metrics/registry.h"
#include "net/dns_tcp.h"
#include "net/dns_udp.h"
#include "net/http_server.h"

namespace yz::gslb {

/// The whole scheduler. Its reactor's thread owns configuration, node states and health, and publishes worlds; UDP
/// threads answer from the world that is published. Serves from the state on disk before control is heard.
class Server final : private ControlEvents {
 public:
  /// Loads map and state, binds all ports, starts to serve. Fails with what kept it from that. Made, used and destroyed
  /// on the reactor's thread.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(io::Reactor& reactor, GslbSettings settings);
  ~Server() override;

  /// Reads the address map again and puts it in force, beside running queries. Fails with the map's error; the old one
  /// stays.
  [[nodiscard]] io::Task<Status> reload_map();

  /// Addresses in fact bound: port 0 was replaced.
  [[nodiscard]] const std::vector<Endpoint>& dns_endpoints() const { return dns_endpoints_; }
  [[nodiscard]] const Endpoint& http_endpoint() const { return http_endpoint_; }

 private:
  Server(io::Reactor& reactor, GslbSettings settings);
  [[nodiscard]] Status open();
  [[nodiscard]] Status load_state();
  [[nodiscard]] Status listen();
  [[nodiscard]] Status listen_dns(const Endpoint& endpoint);
  [[nodiscard]] Status apply(model::SnapshotPtr config);

  Status on_config(model::SnapshotPtr config) override;
  Status on_delta(const model::ConfigDelta& delta) override;
  void on_node_states(rpc::NodeStates states) override;
  void on_connected(bool is_connected) override;
  void on_probe(model::NodeId node, std::string reason);

  /// Makes and publishes a new world from the layers as they are, once in this turn of the loop.
  void schedule_rebuild();
  void rebuild();
  void report_health();
  io::Task<void> tick_every_second();

  io::Reactor& reactor_;
  const GslbSettings settings_;
  const StateStore store_;
  metrics::Registry registry_;
  metrics::Histogram rebuild_time_;
  const DnsCounters counters_;

  // The layers; each is replaced on its own.
  model::SnapshotPtr config_;             // shared with worlds
  std::shared_ptr<const Zones> zones_;    // shared with worlds
  std::shared_ptr<const ClassMap> map_;   // shared with worlds
  std::vector<model::NodeState> states_;  // in id order
  HealthBook book_;
  std::uint64_t generation_ = 0;
  bool is_rebuild_due_ = false;
  bool are_states_unsaved_ = false;
  WorldSource worlds_;

  std::unique_ptr<Prober> prober_;
  std::unique_ptr<HttpApi> http_api_;
  std::unique_ptr<net::HttpServer> http_server_;
  std::vector<std::unique_ptr<DnsService>> tcp_services_;
  std::vector<std::unique_ptr<net::DnsTcpServer>> tcp_servers_;
  std::vector<std::unique_ptr<net::DnsUdpServer>> udp_servers_;
  std::unique_ptr<ControlLink> control_;
  std::vector<Endpoint> dns_endpoints_;
  Endpoint http_endpoint_;
  io::TaskScope tasks_;
  io::BlockingPool pool_{io::BlockingPool::Options{.threads = 1, .max_queued = 8}};
};

}  // namespace yz::gslb
