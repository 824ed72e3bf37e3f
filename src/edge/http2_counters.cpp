#include "edge/http2_counters.h"

#include <string>

namespace yz::edge {

Http2Counters::Http2Counters(metrics::Registry& registry)
    : sessions_(registry.counter("yz_edge_http2_sessions_total", "HTTP/2 connections")),
      streams_(registry.counter("yz_edge_http2_streams_total", "HTTP/2 streams, refused ones left out")),
      connection_errors_(registry.counter("yz_edge_http2_connection_errors_total",
                                          "HTTP/2 connections ended because of their client")) {
  constexpr std::array<const char*, 4> kCauses = {"client", "error", "refused", "aborted"};
  for (std::size_t i = 0; i < kCauses.size(); ++i) {
    resets_[i] =
        registry.counter("yz_edge_http2_resets_total",
                         "HTTP/2 streams reset: by the client; by us for a broken rule, as too many, or because "
                         "the answer could not be finished",
                         {{"cause", kCauses[i]}});
  }
  for (std::size_t i = 0; i < net::h2::kFloods; ++i) {
    floods_[i] = registry.counter("yz_edge_http2_floods_total", "HTTP/2 budgets overdrawn, by kind",
                                  {{"kind", std::string(to_string(static_cast<net::h2::Flood>(i)))}});
  }
}

void Http2Counters::add(const net::h2::Counts& now, const net::h2::Counts& before) {
  sessions_.add(now.sessions - before.sessions);
  streams_.add(now.streams - before.streams);
  connection_errors_.add(now.connection_errors - before.connection_errors);
  resets_[0].add(now.resets_by_client - before.resets_by_client);
  resets_[1].add(now.resets_for_error - before.resets_for_error);
  resets_[2].add(now.resets_refused - before.resets_refused);
  resets_[3].add(now.resets_aborted - before.resets_aborted);
  for (std::size_t i = 0; i < net::h2::kFloods; ++i) floods_[i].add(now.floods[i] - before.floods[i]);
}

}  // namespace yz::edge
