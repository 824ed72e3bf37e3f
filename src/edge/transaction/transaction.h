#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "cache/cache.h"
#include "edge/running_config.h"
#include "edge/worker.h"
#include "http/cache_control.h"
#include "http/cache_status.h"
#include "io/list.h"
#include "model/usage.h"
#include "net/exchange.h"

namespace yz::edge {

/// One request on its way through the phases (phases.h): what the phases learn is kept
/// here, and counted and logged when it is destroyed, however the request ended. Lives in the handler's frame. A member
/// of its worker's list of running requests.
struct Transaction : io::ListLink {
  Transaction(Worker& on, net::Exchange& of);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  [[nodiscard]] const http::RequestHead& request() const { return *head; }
  /// Serves `marked` (a corrected viewer's request, see redirect.cpp) as if it had been sent for its real host.
  void take_over(std::unique_ptr<http::RequestHead> marked);
  [[nodiscard]] const RunningConfig& running() const { return **config; }
  [[nodiscard]] cache::Cache& store() const;
  /// Monotonic time of this turn.
  [[nodiscard]] MonoTime mono() const { return worker.reactor().now(); }
  /// Between the pieces of a body: true when no more of it is to be sent; the client sees that it is not whole.
  [[nodiscard]] bool stops() {
    if (is_cut) exchange.abort();
    return is_cut;
  }

  Worker& worker;
  net::Exchange& exchange;
  std::shared_ptr<const ConfigPtr> config;
  WallTime now;
  const http::RequestHead* head;
  std::unique_ptr<http::RequestHead> own_head;  ///< of a corrected viewer's request

  // --- access ---
  const Site* site = nullptr;
  IpAddress client;      ///< the viewer, past trusted proxies
  model::NodeId peer;    ///< the node that asked, when it proved to be one; else none
  cache::Seq asked_seq;  ///< the peer's purge clock
  bool is_cacheable_path = true;
  bool is_prefetch = false;    ///< our own request: neither counted nor redirected
  bool is_redirected = false;  ///< by another node or scheduler: never sent on again

  // --- key ---
  std::string_view host;    ///< as in cache keys
  std::string_view target;  ///< as in cache keys
  Hash128 primary;
  cache::BaseId base;
  http::RequestDirectives asked;
  const model::CacheRule* rule = nullptr;

  /// Passed on because the last answer could not be shared: what comes is stored after all when this one can.
  bool is_hit_for_miss = false;
  cache::CacheKey key;  ///< of what the last look found

  // --- outcome ---
  int restarts = 0;  ///< because an object in slices had changed
  http::CacheStatus status;
  model::CacheResult result = model::CacheResult::kNone;
  std::uint64_t origin_requests = 0;
  std::uint64_t origin_bytes = 0;
  std::string upstream;        ///< who was asked, for the log
  model::UsageCounts counted;  ///< what of it was counted while it ran; the rest is at its end
  bool is_cut = false;         ///< the domain was suspended meanwhile

  std::array<char, 256> host_text;
  std::string target_text;
};

}  // namespace yz::edge
