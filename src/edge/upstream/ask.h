#pragma once

#include <memory>

#include "edge/running_config.h"
#include "edge/upstream/choice.h"
#include "edge/upstream/forward.h"
#include "edge/worker.h"
#include "io/task.h"
#include "net/http_client.h"

namespace yz::edge {

// What is referred to outlives the calls.

/// Sends a request to one peer: signed, with our purge clock. Any status is a success. Fails with a reason of
/// failure.h; the peer's breaker has learned of it.
[[nodiscard]] io::Task<Result<net::ClientResponse>> ask_peer(Worker& worker, const RunningConfig& config,
                                                             const Peer& peer, const Forwarded& forwarded,
                                                             std::chrono::milliseconds first_byte_timeout);

/// The same for one origin, under the rules of its group: after waiting for a connection where all are in use.
[[nodiscard]] io::Task<Result<net::ClientResponse>> ask_origin(Worker& worker, const Site& site, Candidate candidate,
                                                               const net::ClientRequest& request);

/// The same past breaker and queue: for checks of the origin's health.
[[nodiscard]] io::Task<Result<net::ClientResponse>> ask_unconditionally(Worker& worker, const Site& site,
                                                                        Candidate candidate,
                                                                        const net::ClientRequest& request);

}  // namespace yz::edge
