#include "edge/upstream/choice.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace yz::edge {
namespace {

/// Fewer requests than this are no load worth spreading: an object keeps its node.
constexpr double kSmallLoad = 16;
constexpr double kLoadFactor = 1.25;
/// The share of an origin that has just come back.
constexpr double kFirstShare = 0.1;

/// A well-mixed number in (0, 1) for a pair.
double unit_of(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return (static_cast<double>(x >> 11) + 0.5) * 0x1.0p-53;
}

/// The score of weighted rendezvous hashing: the highest wins (Schindelhauer and Schomaker 2005).
double score_of(std::uint64_t key, std::uint64_t name, double weight) { return -weight / std::log(unit_of(key, name)); }

std::uint64_t hash_of(const model::Origin& origin) { return hash64(origin.host, origin.port) & ~1ULL; }

double weight_of(const model::Origin& origin, const model::OriginGroup& group, const ServerState& state, MonoTime now) {
  const MonoTime recovered = state.breaker.recovered_at();
  if (recovered == MonoTime() || group.slow_start.count() == 0) return origin.weight;
  const double share = std::chrono::duration<double>(now - recovered) / group.slow_start;
  return origin.weight * std::clamp(share, kFirstShare, 1.0);
}

bool is_overloaded(const Peer& peer, const std::vector<const Peer*>& usable) {
  double load = 1;  // with the request that asks
  double weight = 0;
  for (const Peer* one : usable) {
    load += one->state->gate->inside();
    weight += one->weight;
  }
  const double share = load * peer.weight / std::max(weight, 1.0);
  return peer.state->gate->inside() + 1.0 > std::max(kLoadFactor * share, kSmallLoad);
}

}  // namespace

std::vector<const Peer*> choose_peers(const std::vector<Peer>& peers, std::uint64_t base, MonoTime now) {
  std::vector<const Peer*> usable;
  for (const Peer& peer : peers) {
    if (peer.state->breaker.admits(now)) usable.push_back(&peer);
  }
  std::vector<const Peer*> chosen = usable;
  const auto better = [&](const Peer* a, const Peer* b) {
    return score_of(base, a->node.value, a->weight) > score_of(base, b->node.value, b->weight);
  };
  const auto most = std::min<std::size_t>(chosen.size(), 2);
  std::partial_sort(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(most), chosen.end(), better);
  chosen.resize(most);
  if (most == 2 && is_overloaded(*chosen[0], usable) && !is_overloaded(*chosen[1], usable)) {
    std::swap(chosen[0], chosen[1]);
  }
  return chosen;
}

Candidate candidate_of(const model::OriginGroup& group, const OriginGroupState& state, std::size_t index) {
  const net::Upstream* const fixed = index < state.fixed.size() ? state.fixed[index].get() : nullptr;
  return {&group.origins[index], state.servers[index].get(), fixed};
}

Candidates choose_origins(const model::OriginGroup& group, const OriginGroupState& state, std::uint64_t draw,
                          bool may_probe, MonoTime now) {
  struct Scored {
    Candidate candidate;
    int rank;
    double score;
  };
  if (group.origins.size() == 1) {
    const bool is_asked = group.origins[0].weight > 0 && state.servers[0]->breaker.admits(now);
    return Candidates(is_asked ? 1 : 0, candidate_of(group, state, 0));
  }
  std::vector<Scored> scored;
  scored.reserve(group.origins.size());
  for (std::size_t i = 0; i < group.origins.size(); ++i) {
    const model::Origin& origin = group.origins[i];
    const auto& server = state.servers[i];
    if (origin.weight == 0 || !server->breaker.admits(now)) continue;
    const bool is_healthy = server->breaker.state() == Breaker::State::kClosed;
    const int rank = is_healthy ? (origin.backup ? 2 : 1) : may_probe && !origin.backup ? 0 : origin.backup ? 4 : 3;
    scored.push_back(
        {candidate_of(group, state, i), rank, score_of(draw, hash_of(origin), weight_of(origin, group, *server, now))});
  }
  std::sort(scored.begin(), scored.end(),
            [](const Scored& a, const Scored& b) { return a.rank != b.rank ? a.rank < b.rank : a.score > b.score; });
  Candidates out;
  out.reserve(scored.size());
  for (const Scored& s : scored) out.push_back(s.candidate);
  return out;
}

MonoTime next_return(const OriginGroupState& state) {
  MonoTime first = MonoTime::max();
  for (const auto& server : state.servers) first = std::min(first, server->breaker.opens_until());
  return first;
}

}  // namespace yz::edge
