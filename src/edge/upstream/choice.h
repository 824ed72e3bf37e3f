#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/block_pool.h"
#include "base/clock.h"
#include "edge/running_config.h"
#include "edge/upstream/server_state.h"

namespace yz::edge {

/// The second-tier nodes to ask for an object, best first, at most two: weighted rendezvous hashing of its base id (all
/// variants of a URL meet on one node, and a node's death moves only its own share) over those that are not out. A node
/// with more than 1.25 times its share of the requests under way changes places with the second (bounded loads,
/// Mirrokni et al. 2018), so that one hot object cannot drown its node.
[[nodiscard]] std::vector<const Peer*> choose_peers(const std::vector<Peer>& peers, std::uint64_t base, MonoTime now);

/// An origin and what is known of it; lives as long as the group's state.
struct Candidate {
  const model::Origin* origin;
  ServerState* state;
  const net::Upstream* fixed;  ///< see OriginGroupState::fixed
};
using Candidates = std::vector<Candidate, PoolAllocator<Candidate>>;
[[nodiscard]] Candidate candidate_of(const model::OriginGroup& group, const OriginGroupState& state, std::size_t index);

/// The origins to try, in order: first one that is to be tried again after a failure, if `may_probe` (a request that
/// another may answer when it fails); then healthy primaries drawn by weight (`draw` uniform in 64 bits; one that came
/// back a moment ago has a small share, growing to its own), then healthy backups, then those that may be tried again.
/// None when all are out.
[[nodiscard]] Candidates choose_origins(const model::OriginGroup& group, const OriginGroupState& state,
                                        std::uint64_t draw, bool may_probe, MonoTime now);

/// When the first origin of a group where all are out may be tried again.
[[nodiscard]] MonoTime next_return(const OriginGroupState& state);

}  // namespace yz::edge
