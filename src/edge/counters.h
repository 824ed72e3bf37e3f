#pragma once

#include <array>
#include <string_view>

#include "edge/http2_counters.h"
#include "edge/phase_times.h"
#include "edge/upstream/failure.h"
#include "metrics/registry.h"
#include "model/usage.h"
#include "net/http_server.h"

namespace yz::edge {

/// What an edge counts of its requests, as yz_edge_* in its metrics. Any thread adds.
class EdgeCounters {
 public:
  explicit EdgeCounters(metrics::Registry& registry);

  void count(model::CacheResult result, unsigned status_class, const model::UsageCounts& counts);
  /// Bytes of a request that has not ended.
  void count_part(const model::UsageCounts& counts);
  /// Adds what a worker's listener counted between two looks.
  void count_handshakes(const net::HttpServer::Counts& before, const net::HttpServer::Counts& now);
  /// The same: connections closed at once or given away, requests that were no HTTP.
  void count_connections(const net::HttpServer::Counts& before, const net::HttpServer::Counts& now);
  /// Sums since the start.
  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::uint64_t hits() const;
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_.value(); }

  /// A request that no peer or origin answered; `reason` of upstream/failure.h.
  void note_failure(std::string_view reason);

  Http2Counters http2;
  PhaseTimes phases;
  metrics::Counter origin_requests;  ///< sent to peers and origins
  metrics::Counter corrections;      ///< viewers redirected to another node
  metrics::Counter resumed;          ///< bodies that broke off and were carried on by range
  metrics::Counter suspended;        ///< requests refused because their domain is suspended
  metrics::Counter changed;          ///< large objects found to be another version while slices were fetched

 private:
  static constexpr std::size_t kResults = 6;
  static constexpr std::size_t kClasses = 5;
  std::array<std::array<metrics::Counter, kClasses>, kResults> requests_;
  metrics::Counter bytes_out_;
  metrics::Counter bytes_in_;
  metrics::Histogram duration_;
  std::array<metrics::Counter, kFailureReasons.size() + 1> failures_;  // the last: no known reason
  metrics::Counter refused_by_address_;
  metrics::Counter refused_by_limit_;
  metrics::Counter given_;
  metrics::Counter malformed_;
  std::array<metrics::Counter, 3> handshakes_;  // full, resumed, failed
};

}  // namespace yz::edge
