#include "edge/upstream/choice.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace yz::edge {
namespace {

/// A well-mixed number in (0, 1) for a pair.
double unit_of(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return (static_cast<double>(x >> 11) + 0.5) * 0x1.0p-53;
}

/// The score of weighted rendezvous hashing: the highest wins (Schindelhauer and Schomaker 2005).
double score_of(std::uint64_t key, std::uint64_t name, std::uint32_t weight) {
  return -static_cast<double>(weight) / std::log(unit_of(key, name));
}

}  // namespace

UpstreamHealth::Name name_of(const Peer& peer) { return peer.node.value * 2 + 1; }

UpstreamHealth::Name name_of(const model::Origin& origin) { return hash64(origin.host, origin.port) & ~1ULL; }

void UpstreamHealth::failed(Name name, MonoTime now) {
  Mark& mark = marks_[name];
  const auto away = std::chrono::seconds(1) * (1U << std::min(mark.failures, 5U));
  mark.away_until = now + std::min(away, std::chrono::seconds(30));
  ++mark.failures;
}

std::vector<const Peer*> choose_peers(const std::vector<Peer>& peers, std::uint64_t base, const UpstreamHealth& health,
                                      MonoTime now) {
  std::vector<const Peer*> chosen;
  for (const Peer& peer : peers) {
    if (health.is_usable(name_of(peer), now)) chosen.push_back(&peer);
  }
  const auto better = [&](const Peer* a, const Peer* b) {
    return score_of(base, a->node.value, a->weight) > score_of(base, b->node.value, b->weight);
  };
  const auto most = std::min<std::size_t>(chosen.size(), 2);
  std::partial_sort(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(most), chosen.end(), better);
  chosen.resize(most);
  return chosen;
}

std::vector<const model::Origin*> choose_origins(const model::OriginGroup& group, std::uint64_t draw,
                                                 const UpstreamHealth& health, MonoTime now) {
  struct Scored {
    const model::Origin* origin;
    int rank;
    double score;
  };
  std::vector<Scored> scored;
  for (const model::Origin& origin : group.origins) {
    if (origin.weight == 0) continue;
    const int rank = (origin.backup ? 1 : 0) + (health.is_usable(name_of(origin), now) ? 0 : 2);
    scored.push_back({&origin, rank, score_of(draw, name_of(origin), origin.weight)});
  }
  std::sort(scored.begin(), scored.end(),
            [](const Scored& a, const Scored& b) { return a.rank != b.rank ? a.rank < b.rank : a.score > b.score; });
  std::vector<const model::Origin*> out;
  for (const Scored& s : scored) out.push_back(s.origin);
  return out;
}

}  // namespace yz::edge
