#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "edge/running_config.h"
#include "edge/upstream/health.h"

namespace yz::edge {

/// Name of a server in UpstreamHealth.
[[nodiscard]] UpstreamHealth::Name name_of(const Peer& peer);
[[nodiscard]] UpstreamHealth::Name name_of(const model::Origin& origin);

/// The second-tier nodes to ask for an object, best first, at most two: weighted rendezvous hashing of its base id (all
/// variants of a URL meet on one node, and a node's death moves only its own share) over those believed healthy.
[[nodiscard]] std::vector<const Peer*> choose_peers(const std::vector<Peer>& peers, std::uint64_t base,
                                                    const UpstreamHealth& health, MonoTime now);

/// The origins to try, in order: primaries drawn by weight (`draw` uniform in 64 bits), then backups, the healthy
/// before those that failed lately, so that there is always one to try.
[[nodiscard]] std::vector<const model::Origin*> choose_origins(const model::OriginGroup& group, std::uint64_t draw,
                                                               const UpstreamHealth& health, MonoTime now);

}  // namespace yz::edge
