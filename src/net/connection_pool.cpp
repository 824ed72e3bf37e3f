#include "net/connection_pool.h"

#include <algorithm>

#include "base/hash.h"

namespace yz::net {

namespace {

constexpr auto kLookEvery = std::chrono::seconds(5);

}  // namespace

std::uint64_t ConnectionPool::hash_of(const Upstream& upstream) {
  const std::size_t address = std::hash<IpAddress>()(upstream.endpoint.address);
  const std::uint64_t rest = upstream.endpoint.port * 4U + (upstream.tls ? 2U : 0U) + (upstream.verify_tls ? 1U : 0U);
  return hash64(upstream.tls_server_name, hash64(upstream.unix_path, address ^ rest << 40));
}

/// Nothing may arrive on an idle connection: neither the end of the stream nor bytes nobody asked for.
bool ConnectionPool::is_usable(Idle& idle) const {
  char byte = 0;
  return reactor_.now() - idle.since < options_.idle_timeout && !idle.connection->stream->read_now({&byte, 1});
}

std::unique_ptr<UpstreamConnection> ConnectionPool::take(const Upstream& upstream) {
  const auto found = by_upstream_.find(upstream);
  if (found == by_upstream_.end()) return nullptr;
  std::unique_ptr<UpstreamConnection> out;
  auto& places = found->second;
  while (!places.empty() && !out) {
    const Place place = places.back();
    places.pop_back();
    counts_->add(hash_of(upstream), -1);
    if (is_usable(*place)) out = std::move(place->connection);
    idle_.erase(place);
  }
  if (places.empty()) by_upstream_.erase(found);
  return out;
}

void ConnectionPool::give(std::unique_ptr<UpstreamConnection> connection) {
  auto& places = by_upstream_[connection->upstream];
  counts_->add(hash_of(connection->upstream), 1);
  idle_.push_back({std::move(connection), reactor_.now()});
  places.push_back(std::prev(idle_.end()));
  if (places.size() > options_.max_idle_per_upstream) {
    drop(places.front());
  } else if (idle_.size() > options_.max_idle) {
    drop(idle_.begin());
  }
  if (!is_linked()) reactor_.timers().link(*this, reactor_.in(kLookEvery));
}

void ConnectionPool::drop(Place place) {
  const auto found = by_upstream_.find(place->connection->upstream);
  counts_->add(hash_of(place->connection->upstream), -1);
  auto& places = found->second;
  places.erase(std::find(places.begin(), places.end(), place));
  if (places.empty()) by_upstream_.erase(found);
  idle_.erase(place);
}

void ConnectionPool::on_timer() {
  for (Place place = idle_.begin(); place != idle_.end();) {
    const Place looked_at = place++;
    if (!is_usable(*looked_at)) drop(looked_at);
  }
  if (!idle_.empty()) reactor_.timers().link(*this, reactor_.in(kLookEvery));
}

void ConnectionPool::clear() {
  for (const Idle& idle : idle_) counts_->add(hash_of(idle.connection->upstream), -1);
  by_upstream_.clear();
  idle_.clear();
}

}  // namespace yz::net
