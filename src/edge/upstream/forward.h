#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cache/key.h"
#include "edge/running_config.h"
#include "edge/worker.h"
#include "http/message.h"
#include "net/http_client.h"

namespace yz::edge {

/// A request on its way to the next tier or the origin: complete but for what depends on who is asked.
struct Forwarded {
  net::ClientRequest request;  ///< host: as the viewer sent it
  std::uint64_t base = 0;      ///< chooses the peer
  cache::Seq purge_seq;        ///< our purge clock, told to a peer
  bool may_ask_peer = true;    ///< false: straight to the origin
  bool may_retry = true;       ///< false: a body is streamed; the first server must do
};

/// What came back.
struct Answer {
  net::ClientResponse response;
  std::string upstream;            ///< who answered, for the log
  std::optional<cache::Seq> born;  ///< a peer's Yz-Born-Seq
  std::uint64_t requests = 0;      ///< sent in all; yz_edge_upstream_requests_total has them already
};

/// The end-to-end fields of a viewer's request, made fit to go on: hop-by-hop, internal and unkeyed override fields are
/// left out, CDN-Loop and Via added, X-Forwarded-For set to the viewer (behind what a trusted proxy said).
[[nodiscard]] http::HeaderMap forwarded_fields(const http::RequestHead& request, const RunningConfig& config,
                                               const IpAddress& viewer, bool is_peer, bool is_tls);

/// Asks the best peer, a second one, then the origins in their order: a server that failed lately is left alone, one
/// that cannot be reached passed over at once, and what may have been understood is repeated elsewhere only when the
/// method is idempotent, no body was streamed and the group's retry budget allows. Any status is a success. Fails with
/// a reason of failure.h, blamed on the origin (or the client, for a body that broke off). `config` and `site` live in
/// what `held` holds; `forwarded` outlives the call.
[[nodiscard]] io::Task<Result<Answer>> send_upstream(Worker& worker, std::shared_ptr<const ConfigPtr> held,
                                                     const Site& site, const Forwarded& forwarded);

}  // namespace yz::edge
