#pragma once

#include <array>

#include "metrics/registry.h"
#include "net/h2/flood_guard.h"

namespace yz::edge {

/// What the workers' HTTP/2 connections did, as yz_edge_http2_* in an edge's metrics. Any thread adds.
class Http2Counters {
 public:
  explicit Http2Counters(metrics::Registry& registry);

  /// Adds what a server counted since `before`.
  void add(const net::h2::Counts& now, const net::h2::Counts& before);

 private:
  metrics::Counter sessions_;
  metrics::Counter streams_;
  metrics::Counter connection_errors_;
  std::array<metrics::Counter, 4> resets_;
  std::array<metrics::Counter, net::h2::kFloods> floods_;
};

}  // namespace yz::edge
