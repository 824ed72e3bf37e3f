#include "control/purge_feed.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "model/codec.h"
#include "store/purge_log.h"

namespace yz::control {
namespace {

constexpr std::size_t kRecent = 20'000;
constexpr std::size_t kChunk = 2'000;
constexpr std::chrono::milliseconds kRetry{200};

rpc::PurgeRecords to_message(const std::vector<model::PurgeRecord>& records) {
  return {records.front().seq, records.back().seq, std::make_shared<const std::string>(model::encode(records))};
}

}  // namespace

PurgeFeed::PurgeFeed(io::Reactor& reactor, NodeHub& hub, store::Database& database, io::BlockingPool& pool)
    : reactor_(reactor), hub_(hub), database_(database), pool_(pool) {}

void PurgeFeed::set_head(model::PurgeSeq head) {
  head_ = head;
  hub_.set_purge_head(head);
}

void PurgeFeed::push(std::vector<model::PurgeRecord> records) {
  std::erase_if(records, [this](const model::PurgeRecord& record) { return record.seq <= head_; });
  if (records.empty()) return;
  if (records.front().seq.value == head_.value + 1) {
    accept(std::move(records));
  } else if (!std::exchange(is_closing_gap_, true)) {
    reactor_.spawn_into(scope_, close_gap());
  }
}

/// The next records in order: remembered and sent to whoever has all before them.
void PurgeFeed::accept(std::vector<model::PurgeRecord> records) {
  const model::PurgeSeq before = head_;
  const rpc::PurgeRecords message = to_message(records);
  set_head(records.back().seq);
  recent_.insert(recent_.end(), std::make_move_iterator(records.begin()), std::make_move_iterator(records.end()));
  if (recent_.size() > kRecent) recent_.erase(recent_.begin(), recent_.end() - kRecent);
  for (NodePeer* peer : hub_.connected(rpc::Role::kEdge)) {
    if (peer->purge_catching_up) continue;  // it will come to these
    if (peer->purge_sent != before) {
      start_catching_up(*peer, peer->purge_sent);
      continue;
    }
    peer->session->send(message);
    peer->purge_sent = head_;
  }
}

io::Task<void> PurgeFeed::close_gap() {
  for (;;) {
    const model::PurgeSeq after = head_;
    auto chunk = co_await pool_.run([this, after] { return read_log(database_, after); }, io::kNoDeadline);
    if (!chunk) {
      log::warn("the purge log cannot be read: {}", chunk.error().message);
      co_await io::sleep_for(kRetry);
      continue;
    }
    std::erase_if(chunk->records, [this](const model::PurgeRecord& record) { return record.seq <= head_; });
    if (chunk->records.empty()) break;
    accept(std::move(chunk->records));
  }
  is_closing_gap_ = false;
}

void PurgeFeed::on_attached(NodePeer& peer, const rpc::Hello& hello) {
  if (peer.role != rpc::Role::kEdge) return;
  start_catching_up(peer, hello.applied_purge);
}

void PurgeFeed::on_behind(NodePeer& peer, const rpc::Behind& behind) {
  if (peer.role != rpc::Role::kEdge || !behind.purge_from || peer.purge_catching_up) return;
  start_catching_up(peer, model::PurgeSeq{behind.purge_from->value - 1});
}

void PurgeFeed::start_catching_up(NodePeer& peer, model::PurgeSeq applied) {
  peer.purge_sent = applied;
  if (applied == head_) return;
  if (applied < head_) {
    if (std::vector<model::PurgeRecord> lacking = from_memory(applied); !lacking.empty()) {
      peer.session->send(to_message(lacking));
      peer.purge_sent = head_;
      return;
    }
  }
  peer.purge_catching_up = true;
  reactor_.spawn_into(scope_, catch_up(peer.id, peer.session));
}

std::vector<model::PurgeRecord> PurgeFeed::from_memory(model::PurgeSeq after) const {
  if (recent_.empty() || after.value + 1 < recent_.front().seq.value) return {};
  const auto first = static_cast<std::ptrdiff_t>(after.value + 1 - recent_.front().seq.value);
  return {recent_.begin() + first, recent_.end()};
}

NodePeer* PurgeFeed::still(model::NodeId id, const rpc::NodeSessionPtr& session) {
  NodePeer* peer = hub_.find(id);
  return peer != nullptr && peer->session == session ? peer : nullptr;
}

/// Reads the log chunk by chunk until the node has everything; then pushing takes over.
io::Task<void> PurgeFeed::catch_up(model::NodeId id, rpc::NodeSessionPtr session) {
  for (;;) {
    NodePeer* peer = still(id, session);
    if (peer == nullptr) co_return;
    if (peer->purge_sent == head_) break;
    const model::PurgeSeq after = peer->purge_sent;
    auto chunk = co_await pool_.run([this, after] { return read_log(database_, after); }, io::kNoDeadline);
    peer = still(id, session);
    if (peer == nullptr) co_return;
    if (!chunk) {
      log::warn("the purge log cannot be read: {}", chunk.error().message);
      co_await io::sleep_for(kRetry);
      continue;
    }
    const bool is_too_old = after.value + 1 < chunk->oldest.value;
    if (after > chunk->head || is_too_old) {
      // Records it lacks are gone, or it is from another history: nothing cached may be trusted unseen.
      log::warn("node {} has applied purge {}, the log holds {} to {}: it revalidates everything", peer->name,
                after.value, chunk->oldest.value, chunk->head.value);
      session->send(rpc::PurgeResync{chunk->head});
      peer->purge_sent = chunk->head;
      peer->state.applied_purge = std::min(peer->state.applied_purge, chunk->head);
    } else if (!chunk->records.empty()) {
      session->send(to_message(chunk->records));
      peer->purge_sent = chunk->records.back().seq;
    }
    if (peer->purge_sent >= head_) {
      // Records committed while this node read ahead of the push: the push skips them.
      if (peer->purge_sent > head_ && !chunk->records.empty()) push(std::move(chunk->records));
      break;
    }
  }
  if (NodePeer* peer = still(id, session)) peer->purge_catching_up = false;
}

Result<PurgeFeed::Chunk> PurgeFeed::read_log(store::Database& database, model::PurgeSeq after) {
  return database.read([&](store::Transaction& tx) -> Result<Chunk> {
    store::PurgeLog log(tx);
    Chunk out;
    YZ_TRY(out.head, log.head());
    YZ_TRY(out.oldest, log.oldest());
    YZ_TRY(out.records, log.since(after, kChunk));
    return out;
  });
}

}  // namespace yz::control
