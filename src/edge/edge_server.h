#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/cache.h"
#include "edge/access_log.h"
#include "edge/correction_book.h"
#include "edge/counters.h"
#include "edge/options.h"
#include "edge/revalidation_backoff.h"
#include "edge/running_config.h"
#include "edge/upstream/server_state.h"
#include "io/blocking_pool.h"
#include "io/reactor_thread.h"
#include "io/resolver.h"
#include "metrics/registry.h"
#include "model/node_state.h"
#include "model/purge.h"
#include "net/idle_board.h"

namespace yz::geo {
class GeoMap;
}

namespace yz::edge {

class AccessSpool;
class UsageLedger;
class Worker;
class AdminServer;
class SliceDesk;
struct Transaction;

/// Marks our own requests to ourselves (prefetching), with a secret drawn at start.
inline constexpr std::string_view kPrefetchField = "Yz-Prefetch";

/// What GET /status tells.
struct EdgeStatus {
  std::uint64_t epoch = 0;  ///< drawn at start
  model::ConfigSeq config;
  std::string config_hash;  ///< 32 raw bytes; empty without a configuration
  model::PurgeSeq purge;
  bool ready = false;
  bool draining = false;
  model::Load load;
};

/// The edge process: one cache shared by workers of a reactor each, an admin socket beside them. Public functions are
/// for any thread that is not a reactor's, unless said otherwise.
class EdgeServer {
 public:
  /// Opens the state, binds all addresses and serves. Fails with what could not be had: the folder, a port, the file.
  [[nodiscard]] static Result<std::unique_ptr<EdgeServer>> start(Options options);
  /// Cuts what still runs.
  ~EdgeServer();
  EdgeServer(const EdgeServer&) = delete;
  EdgeServer& operator=(const EdgeServer&) = delete;

  [[nodiscard]] const Options& options() const { return options_; }
  /// The addresses in fact bound, in the order of the options.
  [[nodiscard]] const std::vector<Endpoint>& listening() const { return listening_; }
  [[nodiscard]] const std::vector<Endpoint>& listening_tls() const { return listening_tls_; }
  /// What ticket keys are derived from: the cluster's key, or what this process drew when there is none.
  [[nodiscard]] const std::string& ticket_secret(const std::string& cluster_key) const {
    return cluster_key.empty() ? lone_secret_ : cluster_key;
  }
  /// Announces the end to viewers, waits until they are gone or `patience` is over.
  void drain(std::chrono::milliseconds patience);

  /// Puts a configuration in force for requests that begin from now on, on all workers. Fails with kInvalid; the one
  /// before stays.
  [[nodiscard]] Status apply_snapshot(std::string_view encoded);
  /// Fails with kConflict when it does not start from what is in force.
  [[nodiscard]] Status apply_delta(std::string_view encoded);
  /// Applies records in order; returns the number applied and durable. Waits for the disk.
  [[nodiscard]] Result<model::PurgeSeq> apply_purges(std::string_view encoded);
  [[nodiscard]] Result<model::PurgeSeq> resync_purges(model::PurgeSeq seq);
  /// One purge that this edge numbers itself; for one that runs alone. `host` as in cache keys.
  [[nodiscard]] Result<model::PurgeSeq> purge_locally(model::PurgeKind kind, std::string_view host,
                                                      std::string_view key, bool is_hard);

  // --- any thread ---
  void set_ready(bool ready) { is_ready_ = ready; }
  void set_draining(bool draining) { is_draining_ = draining; }
  [[nodiscard]] bool is_draining() const { return is_draining_.load(std::memory_order_relaxed); }
  /// Ready and not draining: what the health check says.
  [[nodiscard]] bool is_serving() const { return is_ready_ && !is_draining_; }
  [[nodiscard]] EdgeStatus status() const;
  [[nodiscard]] ConfigPtr config() const;
  [[nodiscard]] cache::Cache& store() { return *cache_; }
  /// Options::clock.
  [[nodiscard]] const Clock* clock() const { return options_.clock; }
  [[nodiscard]] RevalidationBackoff& backoff() { return backoff_; }
  [[nodiscard]] io::Resolver& resolver() { return resolver_; }
  /// Workers' idle connections to peers and origins.
  [[nodiscard]] net::IdleBoard& idle_board() { return idle_board_; }
  [[nodiscard]] io::BlockingPool& pool() { return pool_; }
  [[nodiscard]] SliceDesk& slices() { return *slices_; }
  [[nodiscard]] const geo::GeoMap& geo() const { return *geo_; }
  [[nodiscard]] EdgeCounters& counters() { return counters_; }
  [[nodiscard]] CorrectionBook& corrections() { return corrections_; }
  [[nodiscard]] metrics::Registry& metrics() { return registry_; }
  [[nodiscard]] AccessLog& access_log() { return access_log_; }
  [[nodiscard]] const std::string& prefetch_secret() const { return prefetch_secret_; }

  /// Counts and logs an ended request. Its worker's thread.
  void account(Transaction& tx);
  /// Counts what a request that has lasted a second has sent since it was last counted, so that figures, bills and caps
  /// see a long download while it runs. Its worker's thread.
  void account_running(Transaction& tx);
  /// Once a second: usage to the spool, load averages. Waits for the disk.
  void keep_house();
  /// Frees what purges killed, a little at a time; true while there is more.
  [[nodiscard]] bool sweep() { return cache_->sweep(); }
  /// Writes some of what is used to disk.
  void write_behind() { cache_->write_behind(); }
  /// Before the end, after drain(): what is used goes to disk, for the next start to be warm.
  void save() { cache_->save(std::chrono::seconds(2)); }

 private:
  struct Running {
    std::unique_ptr<io::ReactorThread> thread;
    std::unique_ptr<Worker> worker;  ///< made and destroyed on its thread
  };

  explicit EdgeServer(Options options);
  [[nodiscard]] Status open();
  [[nodiscard]] Status open_access_spool();
  /// What an answer that has begun is counted as.
  [[nodiscard]] model::UsageKey usage_key(const Transaction& tx, WallTime at, int status) const;
  /// A line of the customer's access log.
  void write_down(Transaction& tx, const model::UsageKey& key, const model::UsageCounts& counts, WallTime ended,
                  int status);
  [[nodiscard]] Status start_workers();
  void put_in_force(ConfigPtr config);

  const Options options_;
  metrics::Registry registry_;
  EdgeCounters counters_;
  CorrectionBook corrections_;
  io::BlockingPool pool_;
  io::Resolver resolver_;
  ServerBook servers_;
  net::IdleBoard idle_board_;
  AccessLog access_log_;
  std::shared_ptr<const geo::GeoMap> geo_;
  std::string prefetch_secret_;
  std::string lone_secret_;
  OwnCertificates own_certificates_;
  std::uint64_t epoch_ = 0;
  std::unique_ptr<UsageLedger> usage_;
  std::unique_ptr<AccessSpool> access_spool_;
  std::unique_ptr<cache::Cache> cache_;
  RevalidationBackoff backoff_;
  std::unique_ptr<SliceDesk> slices_;  ///< holds fills of the cache
  std::atomic<bool> is_ready_{false};
  std::atomic<bool> is_draining_{false};
  std::mutex apply_mutex_;  ///< one change of configuration at a time
  mutable std::mutex mutex_;
  ConfigPtr config_;        // guarded by mutex_
  model::Load load_;        // guarded by mutex_
  std::mutex house_mutex_;  ///< of keep_house(), which may run on a thread that outlives what it looks at
  bool is_over_ = false;    // guarded by house_mutex_
  struct Sample {
    MonoTime at{};
    std::uint64_t requests = 0;
    std::uint64_t hits = 0;
    std::uint64_t bytes_out = 0;
    double cpu_seconds = 0;
  } sample_;  // guarded by house_mutex_
  std::vector<Endpoint> listening_;
  std::vector<Endpoint> listening_tls_;
  std::vector<Running> workers_;
  std::unique_ptr<AdminServer> admin_;
};

}  // namespace yz::edge
