#include "net/connection_pool.h"

#include <algorithm>

#include "base/hash.h"

namespace yz::net {

namespace {

constexpr auto kLookEvery = std::chrono::seconds(5);
constexpr std::size_t kMostSpare = 64;
/// A scratch whose request was longer is not worth keeping.
constexpr std::size_t kMostRequest = 16 * 1024;

UpstreamConnection& first_of(io::ListLink& list) { return static_cast<UpstreamConnection::Link&>(*list.next).owner; }
UpstreamConnection& last_of(io::ListLink& list) { return static_cast<UpstreamConnection::Link&>(*list.prev).owner; }

}  // namespace

UpstreamShelf::UpstreamShelf(const Upstream& of) : upstream(of), hash(ConnectionPool::hash_of(of)) {}

std::uint64_t ConnectionPool::hash_of(const Upstream& upstream) {
  const std::size_t address = std::hash<IpAddress>()(upstream.endpoint.address);
  const std::uint64_t rest = upstream.endpoint.port * 4U + (upstream.tls ? 2U : 0U) + (upstream.verify_tls ? 1U : 0U);
  return hash64(upstream.tls_server_name, hash64(upstream.unix_path, address ^ rest << 40));
}

/// Nothing may arrive on an idle connection: neither the end of the stream nor bytes nobody asked for.
bool ConnectionPool::is_usable(const UpstreamConnection& idle) const {
  char byte = 0;
  return reactor_.now() - idle.idle_since < options_.idle_timeout && !idle.stream->read_now({&byte, 1});
}

UpstreamShelf* ConnectionPool::find_shelf(const Upstream& upstream) {
  if (last_found_ != nullptr && last_found_->upstream == upstream) return last_found_;
  const auto found = shelves_.find(upstream);
  return found == shelves_.end() ? nullptr : last_found_ = found->second.get();
}

std::unique_ptr<UpstreamConnection> ConnectionPool::remove(UpstreamConnection& idle) {
  idle.on_shelf.unlink();
  idle.by_age.unlink();
  --idle.shelf->count;
  --size_;
  counts_->add(idle.shelf->hash, -1);
  return std::unique_ptr<UpstreamConnection>(&idle);
}

std::unique_ptr<UpstreamConnection> ConnectionPool::take(const Upstream& upstream) {
  UpstreamShelf* const shelf = find_shelf(upstream);
  while (shelf != nullptr && shelf->idle.is_linked()) {
    auto connection = remove(last_of(shelf->idle));
    if (is_usable(*connection)) return connection;
  }
  return nullptr;
}

void ConnectionPool::give(std::unique_ptr<UpstreamConnection> connection) {
  if (is_closed_) return;
  if (!connection->shelf) {
    auto& shelf = shelves_[connection->upstream];
    if (!shelf) shelf = std::make_shared<UpstreamShelf>(connection->upstream);
    connection->shelf = shelf;
  }
  UpstreamConnection& idle = *connection.release();
  UpstreamShelf& shelf = *idle.shelf;
  idle.idle_since = reactor_.now();
  idle.on_shelf.append_to(shelf.idle);
  idle.by_age.append_to(by_age_);
  ++shelf.count;
  ++size_;
  counts_->add(shelf.hash, 1);
  if (shelf.count > options_.max_idle_per_upstream) {
    remove(first_of(shelf.idle)).reset();
  } else if (size_ > options_.max_idle) {
    remove(first_of(by_age_)).reset();
  }
  if (!is_linked()) reactor_.timers().link(*this, reactor_.in(kLookEvery));
}

void ConnectionPool::on_timer() {
  for (io::ListLink* at = by_age_.next; at != &by_age_;) {
    UpstreamConnection& looked_at = static_cast<UpstreamConnection::Link&>(*at).owner;
    at = at->next;
    if (!is_usable(looked_at)) remove(looked_at).reset();
  }
  last_found_ = nullptr;
  std::erase_if(shelves_, [](const auto& one) { return one.second.use_count() == 1; });
  if (size_ > 0) reactor_.timers().link(*this, reactor_.in(kLookEvery));
}

void ConnectionPool::clear() {
  while (by_age_.is_linked()) remove(first_of(by_age_)).reset();
}

void ConnectionPool::close() {
  is_closed_ = true;
  clear();
  unlink();
}

std::unique_ptr<ClientScratch> ConnectionPool::take_scratch() {
  if (spare_.empty()) return std::make_unique<ClientScratch>();
  auto out = std::move(spare_.back());
  spare_.pop_back();
  return out;
}

void ConnectionPool::give_scratch(std::unique_ptr<ClientScratch> scratch) {
  const bool is_kept = !is_closed_ && spare_.size() < kMostSpare && scratch->request.capacity() <= kMostRequest;
  if (is_kept) spare_.push_back(std::move(scratch));
}

}  // namespace yz::net
