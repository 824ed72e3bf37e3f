#include "edge/counters.h"

#include <algorithm>
#include <string>

namespace yz::edge {
namespace {

constexpr std::array<const char*, 6> kResultNames = {"none", "hit", "miss", "revalidated", "stale", "bypass"};

}  // namespace

EdgeCounters::EdgeCounters(metrics::Registry& registry)
    : http2(registry),
      phases(registry),
      origin_requests(registry.counter("yz_edge_upstream_requests_total", "Requests sent to peers and origins")),
      corrections(registry.counter("yz_edge_corrections_total", "Viewers redirected to the node they belong to")),
      resumed(registry.counter("yz_edge_resumed_bodies_total", "Upstream bodies that broke off and were carried on")),
      suspended(registry.counter("yz_edge_suspended_total", "Requests refused because their domain is suspended")),
      changed(registry.counter("yz_edge_changed_objects_total",
                               "Large objects that had another version when more of them was fetched")),
      bytes_out_(registry.counter("yz_edge_bytes_out_total", "Bytes sent to viewers and peers, heads included")),
      bytes_in_(registry.counter("yz_edge_bytes_in_total", "Bytes received from viewers and peers")),
      duration_(registry.histogram("yz_edge_request_seconds", "From a request's head to the end of its response",
                                   metrics::Histogram::kMicroseconds)),
      refused_by_address_(
          registry.counter("yz_edge_connections_refused_total", "Connections closed at once", {{"reason", "address"}})),
      refused_by_limit_(
          registry.counter("yz_edge_connections_refused_total", "Connections closed at once", {{"reason", "limit"}})),
      given_(registry.counter("yz_edge_connections_given_total",
                              "Accepted connections that another worker with fewer was given")),
      malformed_(registry.counter("yz_edge_malformed_requests_total", "Requests the parser refused")) {
  constexpr std::array<const char*, 3> kHandshakes = {"full", "resumed", "failed"};
  for (std::size_t i = 0; i < kHandshakes.size(); ++i) {
    handshakes_[i] = registry.counter("yz_edge_tls_handshakes_total", "TLS handshakes of viewers, by how they ended",
                                      {{"result", kHandshakes[i]}});
  }
  for (std::size_t r = 0; r < kResults; ++r) {
    for (std::size_t c = 0; c < kClasses; ++c) {
      requests_[r][c] = registry.counter("yz_edge_requests_total", "Requests that ended, by what the cache did",
                                         {{"cache", kResultNames[r]}, {"status", std::to_string(c + 1) + "xx"}});
    }
  }
  for (std::size_t i = 0; i < failures_.size(); ++i) {
    const std::string reason(i < kFailureReasons.size() ? kFailureReasons[i] : "failed");
    failures_[i] =
        registry.counter("yz_edge_upstream_failures_total",
                         "Requests that no peer or origin answered, by the last one's reason", {{"reason", reason}});
  }
}

void EdgeCounters::count_part(const model::UsageCounts& counts) {
  bytes_out_.add(counts.bytes_out);
  bytes_in_.add(counts.bytes_in);
}

void EdgeCounters::count(model::CacheResult result, unsigned status_class, const model::UsageCounts& counts) {
  requests_[static_cast<std::size_t>(result)][std::clamp(status_class, 1U, 5U) - 1].add();
  count_part(counts);
  duration_.record(counts.duration_us);
}

void EdgeCounters::note_failure(std::string_view reason) {
  const auto* at = std::find(kFailureReasons.begin(), kFailureReasons.end(), reason);
  failures_[static_cast<std::size_t>(at - kFailureReasons.begin())].add();
}

void EdgeCounters::count_handshakes(const net::HttpServer::Counts& before, const net::HttpServer::Counts& now) {
  handshakes_[0].add(now.tls_full - before.tls_full);
  handshakes_[1].add(now.tls_resumed - before.tls_resumed);
  handshakes_[2].add(now.tls_failed - before.tls_failed);
}

void EdgeCounters::count_connections(const net::HttpServer::Counts& before, const net::HttpServer::Counts& now) {
  refused_by_address_.add(now.over_quota - before.over_quota);
  refused_by_limit_.add(now.over_limit - before.over_limit);
  given_.add(now.given - before.given);
  malformed_.add(now.bad_requests - before.bad_requests);
}

std::uint64_t EdgeCounters::requests() const {
  std::uint64_t sum = 0;
  for (const auto& row : requests_) {
    for (const auto& cell : row) sum += cell.value();
  }
  return sum;
}

std::uint64_t EdgeCounters::hits() const {
  std::uint64_t sum = 0;
  for (const auto result : {model::CacheResult::kHit, model::CacheResult::kStale, model::CacheResult::kRevalidated}) {
    for (const auto& cell : requests_[static_cast<std::size_t>(result)]) sum += cell.value();
  }
  return sum;
}

}  // namespace yz::edge
