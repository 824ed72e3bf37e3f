#pragma once

#include <memory>

#include "bus/bus.h"
#include "control/acme/certificate_desk.h"
#include "control/caps/cap_desk.h"
#include "control/enrolment.h"
#include "control/explain.h"
#include "control/follower.h"
#include "control/leader.h"
#include "control/logs/log_desk.h"
#include "control/origin_checker.h"
#include "control/prefetch/prefetcher.h"
#include "control/publisher.h"
#include "control/purge_feed.h"
#include "control/refresh_master.h"
#include "control/task_board.h"
#include "control/usage_ingest.h"
#include "store/session_store.h"

namespace yz::control {

/// The parts of control that live: sessions, rollouts, tasks. Made, used and destroyed on the reactor's thread; what
/// it is given outlives it.
class Live final {
 public:
  struct Options {
    NodeHub::Options hub;
    Publisher::Options publisher;
    std::string instance;  ///< holder of the lease
    Leader::Options leader;
    std::chrono::milliseconds follow_every{500};  ///< how often the database is looked at for others' changes
    std::string node_listen;                      ///< host:port for nodes
    rpc::KeyPair ca;
    std::chrono::milliseconds absent_after{5'000};  ///< after a start, tasks stop waiting for nodes that stay away
    std::chrono::hours purge_retention{72};
    std::chrono::hours task_retention{24 * 30};
    std::chrono::hours minute_retention{24 * 35};
    store::SessionLimits sessions;
    bool check_private_origins = false;  ///< see OriginChecker
    CertificateDesk::Options certificates;
    CapDesk::Options caps;
    LogDesk::Options logs;
  };
  Live(io::Reactor& reactor, io::BlockingPool& pool, store::Database& database, bus::Bus& bus, ConfigState& state,
       const Clock& clock, metrics::Registry& metrics, std::shared_ptr<const geo::GeoMap> map, Options options);
  ~Live();

  /// Reads configuration and purge position, leads when nobody does, opens the node channel. `api_url` is where other
  /// instances reach this one's API. Blocks.
  [[nodiscard]] Status start(std::string api_url);
  /// Closes all sessions and gives the lease back. Blocks. Idempotent.
  void stop();

  [[nodiscard]] std::uint16_t node_port() const { return server_->port(); }
  [[nodiscard]] NodeHub& hub() { return hub_; }
  [[nodiscard]] Publisher& publisher() { return publisher_; }
  [[nodiscard]] PurgeFeed& feed() { return feed_; }
  [[nodiscard]] TaskBoard& board() { return board_; }
  [[nodiscard]] Prefetcher& prefetcher() { return prefetcher_; }
  [[nodiscard]] RefreshMaster& master() { return master_; }
  [[nodiscard]] CertificateDesk& certificates() { return certificates_; }
  [[nodiscard]] LogDesk& logs() { return logs_; }
  [[nodiscard]] const Leader& leader() const { return leader_; }
  [[nodiscard]] OriginChecker& origin_checker() { return origin_checker_; }
  /// For customers' names alone, whose servers may take their time: nothing else waits for these threads.
  [[nodiscard]] io::BlockingPool& name_pool() { return name_pool_; }
  [[nodiscard]] const Explainer& explainer() const { return explainer_; }

 private:
  [[nodiscard]] Status recover();
  [[nodiscard]] Result<std::vector<model::Task>> unfinished_tasks();
  [[nodiscard]] Status open_channel();
  void lead(std::vector<model::Task> tasks);
  void lead_no_more();
  io::Task<void> take_over();
  io::Task<void> stop_waiting_for_absent();
  io::Task<void> keep_house();
  [[nodiscard]] Status drop_old(WallTime now);

  io::Reactor& reactor_;
  io::BlockingPool& pool_;
  store::Database& database_;
  ConfigState& state_;
  const Clock& clock_;
  const Options options_;
  CapMeter meter_;
  UsageIngest ingest_;
  LogDesk logs_;
  Enrolment enrolment_;
  NodeHub hub_;
  Publisher publisher_;
  PurgeFeed feed_;
  TaskBoard board_;
  Prefetcher prefetcher_;
  Leader leader_;
  RefreshMaster master_;
  Follower follower_;
  CertificateDesk certificates_;
  CapDesk caps_;
  Explainer explainer_;
  io::BlockingPool name_pool_;
  OriginChecker origin_checker_;
  MonoTime led_since_;
  std::unique_ptr<rpc::NodeServer> server_;
  io::TaskScope scope_;
};

}  // namespace yz::control
