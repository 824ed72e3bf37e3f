#include "control/prefetch/prefetcher.h"

#include <algorithm>

#include "control/refresh_targets.h"
#include "rpc/payload.h"

namespace yz::control {
namespace {

using namespace std::chrono_literals;

constexpr auto kTurn = 20ms;
constexpr auto kGate = 30s;  // a node that has not forgotten by then loads later than the others
constexpr auto kCountCost = 1s;
constexpr std::size_t kFixedCost = 16;  // of a URL in a message

/// The usual rate of a domain that is gone.
std::uint32_t rate_of(const model::ConfigSnapshot& config, model::DomainId id) {
  const model::Domain* domain = config.domains.find(id);
  return domain != nullptr ? domain->prefetch_rate : model::Domain().prefetch_rate;
}

}  // namespace

void Prefetcher::start(model::TaskId id) {
  const TaskBoard::Live* live = board_.find(id);
  if (live == nullptr || live->task.kind != model::TaskKind::kPrefetch || entries_.contains(id)) return;
  const auto [it, is_new] = entries_.emplace(
      id, Entry{PrefetchRun(live->task), live->task.last_seq, clock_.mono() + kGate, true, {}, 1, MonoTime()});
  choose_scout(id, it->second);
  step();
  go_on();
}

void Prefetcher::clear() {
  entries_.clear();
  lanes_.clear();
}

void Prefetcher::go_on() {
  if (!std::exchange(is_going_, true)) reactor_.spawn_into(scope_, keep_going());
}

io::Task<void> Prefetcher::keep_going() {
  while (!entries_.empty() || !lanes_.empty()) {
    co_await io::sleep_for(kTurn);
    step();
  }
  is_going_ = false;
}

/// Sends what may go out by now.
void Prefetcher::step() {
  drop_ended();
  const MonoTime now = clock_.mono();
  open_gates(now);
  const model::SnapshotPtr config = state_.current();
  std::map<model::TaskId, std::vector<std::size_t>> out;
  for (auto it = lanes_.begin(); it != lanes_.end();) {
    it->second.pace.refill(rate_of(*config, it->first), now);
    release(it->second, out);
    const bool is_over = it->second.waiting.empty() && it->second.pace.is_at_rest();
    it = is_over ? lanes_.erase(it) : std::next(it);
  }
  for (const auto& [id, indices] : out) {
    Entry& entry = entries_.at(id);
    for (const model::NodeId node : entry.run.nodes()) {
      NodePeer* peer = hub_.find(node);
      if (peer != nullptr && peer->is_connected()) send(*peer, id, entry, indices);
    }
  }
}

/// What the board does not wait for any more.
void Prefetcher::drop_ended() {
  for (auto it = entries_.begin(); it != entries_.end();) {
    const TaskBoard::Live* live = board_.find(it->first);
    it = live == nullptr || model::is_final(live->task.state) ? drop(it) : std::next(it);
  }
}

Prefetcher::Entries::iterator Prefetcher::drop(Entries::iterator it) {
  for (const PrefetchRun::Url& url : it->second.run.urls()) {
    if (url.is_released && !url.is_loaded) lane_of(url.domain).pace.end_one();
  }
  return entries_.erase(it);
}

void Prefetcher::open_gates(MonoTime now) {
  for (auto& [id, entry] : entries_) {
    if (!entry.is_gated || (now < entry.gate_until && !all_have_forgotten(entry.forgotten))) continue;
    entry.is_gated = false;
    for (std::size_t i = 0; i < entry.run.urls().size(); ++i) enqueue(id, entry, i);
  }
}

bool Prefetcher::all_have_forgotten(model::PurgeSeq seq) {
  if (!seq) return true;
  return std::ranges::all_of(hub_.connected(rpc::Role::kEdge),
                             [&](const NodePeer* peer) { return peer->state.applied_purge >= seq; });
}

Prefetcher::Lane& Prefetcher::lane_of(model::DomainId domain) {
  const auto it = lanes_.find(domain);
  if (it != lanes_.end()) return it->second;
  const std::uint32_t rate = rate_of(*state_.current(), domain);
  return lanes_.emplace(domain, Lane{OriginPace(rate, clock_.mono()), {}}).first->second;
}

void Prefetcher::enqueue(model::TaskId id, const Entry& entry, std::size_t index) {
  auto& waiting = lane_of(entry.run.urls()[index].domain).waiting;
  auto own = std::ranges::find(waiting, id, &std::pair<model::TaskId, std::deque<std::size_t>>::first);
  if (own == waiting.end()) own = waiting.insert(own, {id, {}});
  own->second.push_back(index);
}

/// As many as the pace allows, one of each task in turn.
void Prefetcher::release(Lane& lane, std::map<model::TaskId, std::vector<std::size_t>>& out) {
  while (!lane.waiting.empty()) {
    auto& [id, indices] = lane.waiting.front();
    const auto it = entries_.find(id);
    if (it == entries_.end() || indices.empty()) {
      lane.waiting.pop_front();
      continue;
    }
    if (!lane.pace.take(cost_of(it->second))) return;
    if (it->second.run.urls()[indices.front()].is_loaded)
      lane.pace.end_one();  // told by a node that had it from before
    it->second.run.release(indices.front());
    out[id].push_back(indices.front());
    indices.pop_front();
    std::ranges::rotate(lane.waiting, lane.waiting.begin() + 1);
  }
}

/// Every group of the second tier asks once for the nodes below it; a node without one asks by itself.
std::uint32_t Prefetcher::cost_of(Entry& entry) {
  const MonoTime now = clock_.mono();
  if (now < entry.cost_until) return entry.cost;
  const model::SnapshotPtr config = state_.current();
  std::set<model::NodeGroupId> parents;
  std::uint32_t direct = 0;
  for (const model::NodeId id : entry.run.nodes()) {
    const NodePeer* peer = hub_.find(id);
    const model::Node* node = config->nodes.find(id);
    if (peer == nullptr || !peer->is_connected() || node == nullptr) continue;
    const model::NodeGroup* group = config->node_groups.find(node->group);
    if (group != nullptr && group->parent_group) {
      parents.insert(group->parent_group);
    } else {
      ++direct;
    }
  }
  entry.cost = std::max(1U, static_cast<std::uint32_t>(parents.size()) + direct);
  entry.cost_until = now + kCountCost;
  return entry.cost;
}

/// To a node that has yet to forget it goes when it has.
void Prefetcher::send(NodePeer& peer, model::TaskId id, Entry& entry, const std::vector<std::size_t>& indices) {
  if (peer.state.applied_purge < entry.forgotten) {
    entry.behind.insert(peer.id);
    return;
  }
  for (const bool reads : {true, false}) {
    rpc::PrefetchTask message{id, {}, reads};
    std::size_t bytes = 0;
    for (const std::size_t index : indices) {
      if (entry.run.is_to_read(peer.id, index) != reads) continue;
      const std::string& url = entry.run.urls()[index].text;
      if (!message.urls.empty() && bytes + url.size() + kFixedCost > rpc::kMaxPiece) {
        peer.session->send(std::exchange(message, rpc::PrefetchTask{id, {}, reads}));
        bytes = 0;
      }
      bytes += url.size() + kFixedCost;
      message.urls.push_back(url);
    }
    if (!message.urls.empty()) peer.session->send(std::move(message));
  }
}

/// The first that is here; it gets what nobody has read.
void Prefetcher::choose_scout(model::TaskId id, Entry& entry) {
  entry.run.set_scout({});
  for (const model::NodeId node : entry.run.nodes()) {
    NodePeer* peer = hub_.find(node);
    if (peer == nullptr || !peer->is_connected()) continue;
    entry.run.set_scout(node);
    send(*peer, id, entry, entry.run.owed(node));
    return;
  }
}

void Prefetcher::on_attached(NodePeer& peer, const rpc::Hello& /*hello*/) {
  if (peer.role != rpc::Role::kEdge) return;
  for (auto& [id, entry] : entries_) {
    if (!entry.run.has_part(peer.id)) continue;
    if (!entry.run.scout()) entry.run.set_scout(peer.id);
    send(peer, id, entry, entry.run.owed(peer.id));
  }
}

void Prefetcher::on_detached(NodePeer& peer) {
  for (auto& [id, entry] : entries_) {
    entry.behind.erase(peer.id);
    if (entry.run.scout() == peer.id) choose_scout(id, entry);
  }
}

void Prefetcher::on_purge_applied(NodePeer& peer) {
  bool is_awaited = false;
  for (auto& [id, entry] : entries_) {
    is_awaited |= entry.is_gated;
    if (entry.behind.erase(peer.id) > 0) send(peer, id, entry, entry.run.owed(peer.id));
  }
  if (is_awaited) step();
}

void Prefetcher::on_prefetch_result(NodePeer& peer, const rpc::PrefetchResult& result) {
  const auto it = entries_.find(result.task);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (!result.links.empty()) add_links(result.task, entry, result);
  bool has_moved = false;
  bool ends_reading = false;
  for (const rpc::PrefetchedUrl& url : result.urls) {
    const auto taken = entry.run.take(peer.id, url);
    if (!taken) continue;
    has_moved = true;
    ends_reading |= taken->ends_reading;
    const PrefetchRun::Url& known = entry.run.urls()[taken->index];
    if (taken->is_first && known.is_released) lane_of(known.domain).pace.end_one();
  }
  if (has_moved) report(result.task, entry, peer.id);
  if (ends_reading) {
    for (const model::NodeId node : entry.run.nodes()) {
      if (node != peer.id && entry.run.is_done(node)) report(result.task, entry, node);
    }
  }
  step();
}

void Prefetcher::report(model::TaskId id, Entry& entry, model::NodeId node) {
  board_.record(id, entry.run.progress(node, clock_.wall()));
}

/// Those that lead to domains of the manifest's tenant.
void Prefetcher::add_links(model::TaskId id, Entry& entry, const rpc::PrefetchResult& result) {
  const auto manifest = entry.run.find(result.manifest);
  if (!manifest) return;
  const model::SnapshotPtr config = state_.current();
  const model::Domain* own = config->domains.find(entry.run.urls()[*manifest].domain);
  if (own == nullptr) return;
  const auto hosts = hosts_of(*config, own->tenant);
  for (const std::string& link : result.links) {
    const auto host = host_of_url(link);
    const auto domain = host ? hosts.find(*host) : hosts.end();
    if (domain == hosts.end()) continue;
    const auto index = entry.run.add(link, domain->second->id, *manifest);
    if (index && !entry.is_gated) enqueue(id, entry, *index);
  }
}

}  // namespace yz::control
