#include "control/task_board.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace yz::control {
namespace {

constexpr std::size_t kKeepFinished = 2'000;
constexpr std::chrono::milliseconds kRetry{200};
constexpr std::chrono::minutes kLoadingPatience{1};  // with a node that went away in the middle of a prefetch
constexpr std::string_view kAwayMessage = "away; applies it on return, before it serves";
/// Acknowledgements are gathered for this long before they are written: a task's nodes answer within a round trip.
constexpr std::chrono::milliseconds kGather{100};

/// A node's part, or the end. Parts are in the order of their nodes.
std::vector<model::NodeProgress>::iterator part_of(model::Task& task, model::NodeId node) {
  const auto it = std::ranges::lower_bound(task.nodes, node, {}, &model::NodeProgress::node);
  return it != task.nodes.end() && it->node == node ? it : task.nodes.end();
}

}  // namespace

TaskBoard::TaskBoard(io::Reactor& reactor, NodeHub& hub, store::Database& database, io::BlockingPool& pool,
                     const Clock& clock, metrics::Registry& metrics)
    : reactor_(reactor), hub_(hub), database_(database), pool_(pool), clock_(clock) {
  refresh_time_ = metrics.histogram("yz_control_refresh_seconds",
                                    "From acceptance of a refresh until every connected node applied it.",
                                    metrics::Histogram::kMicroseconds);
  finished_ = metrics.counter("yz_control_tasks_finished_total", "Refresh and prefetch tasks that ended.");
}

void TaskBoard::add(model::Task task, bool wait_for_all) {
  const model::TaskId id = task.id;
  const auto [place, is_new] = tasks_.try_emplace(id);
  if (!is_new) return;
  Live& live = place->second;
  live.task = std::move(task);
  std::ranges::sort(live.task.nodes, {}, &model::NodeProgress::node);
  if (!model::is_final(live.task.state)) unfinished_.insert(id);
  const WallTime now = clock_.wall();
  for (const model::NodeProgress& part : live.task.nodes) {
    if (model::is_final(part.state)) continue;
    ++live.open;
    const NodePeer* peer = hub_.find(part.node);
    if (wait_for_all || (peer != nullptr && peer->is_connected())) live.awaited.insert(part.node);
  }
  // Acknowledgements may have come before the task did.
  if (live.task.kind == model::TaskKind::kRefresh) {
    if (live.open > 0) owed_.emplace(live.task.last_seq, id);
    for (const model::NodeProgress& part : live.task.nodes) {
      const NodePeer* peer = hub_.find(part.node);
      if (peer != nullptr && peer->is_connected() && peer->state.applied_purge >= live.task.last_seq) {
        mark_done(live, part.node, now);
      }
    }
    write_soon();
  }
  settle(live, now);
  forget_old();
}

void TaskBoard::adopt(model::Task task, bool wait_for_all) {
  const model::TaskId id = task.id;
  add(std::move(task), wait_for_all);
  const Live& live = tasks_.at(id);
  const WallTime now = clock_.wall();
  for (const model::NodeProgress& part : live.task.nodes) {
    if (model::is_final(part.state) || live.awaited.contains(part.node)) continue;
    parts_.push_back({id, {part.node, model::TaskState::kPending, 0, 0, std::string(kAwayMessage), now}});
  }
  write_soon();
}

void TaskBoard::clear() {
  tasks_.clear();
  unfinished_.clear();
  owed_.clear();
  changed_.notify_all();
}

const TaskBoard::Live* TaskBoard::find(model::TaskId id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : &it->second;
}

/// False when it was before.
bool TaskBoard::mark_done(Live& live, model::NodeId node, WallTime now) {
  const auto part = part_of(live.task, node);
  if (part == live.task.nodes.end() || model::is_final(part->state)) return false;
  part->state = model::TaskState::kComplete;
  part->done = static_cast<std::uint32_t>(live.task.targets.size());
  part->updated = now;
  done_[live.task.id].push_back({node, now});
  live.awaited.erase(node);
  if (--live.open == 0) owed_.erase(live.task.last_seq);
  return true;
}

/// Ends the task when nobody is waited for any more.
void TaskBoard::settle(Live& live, WallTime now) {
  ++live.changes;
  changed_.notify_all();
  if (model::is_final(live.task.state)) return;
  if (!live.awaited.empty()) {
    live.task.state = model::TaskState::kRunning;
    return;
  }
  bool any_done = false;
  bool any_failed = false;
  for (const model::NodeProgress& part : live.task.nodes) {
    any_done |= part.state == model::TaskState::kComplete || part.state == model::TaskState::kPartial;
    any_failed |= part.state == model::TaskState::kFailed || part.state == model::TaskState::kPartial;
  }
  live.task.state = !any_failed ? model::TaskState::kComplete
                    : any_done  ? model::TaskState::kPartial
                                : model::TaskState::kFailed;
  live.task.finished = now;
  unfinished_.erase(live.task.id);
  finished_.add();
  if (live.task.kind == model::TaskKind::kRefresh) {
    refresh_time_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now - live.task.created).count())) *
                         1000);
  }
}

void TaskBoard::on_purge_applied(NodePeer& peer) {
  model::PurgeSeq& counted = counted_[peer.id];
  note_applied(peer, std::exchange(counted, peer.state.applied_purge));
  if (stragglers_.erase(peer.id) > 0) applied_[peer.id] = {peer.state.applied_purge, clock_.wall()};
  write_soon();
}

/// It had applied everything up to `before`, and now more.
void TaskBoard::note_applied(NodePeer& peer, model::PurgeSeq before) {
  if (before >= peer.state.applied_purge) before = {};  // told to start over
  const WallTime now = clock_.wall();
  const auto end = owed_.upper_bound(peer.state.applied_purge);
  for (auto it = owed_.upper_bound(before); it != end;) {
    Live& live = tasks_.at(it++->second);  // the entry may go
    if (mark_done(live, peer.id, now)) settle(live, now);
  }
}

void TaskBoard::on_attached(NodePeer& peer, const rpc::Hello& /*hello*/) {
  if (peer.role != rpc::Role::kEdge) return;
  counted_[peer.id] = peer.state.applied_purge;
  note_applied(peer, {});
  // Also in tasks that are not known here.
  applied_[peer.id] = {peer.state.applied_purge, clock_.wall()};
  write_soon();
}

void TaskBoard::on_detached(NodePeer& peer) {
  counted_.erase(peer.id);
  const WallTime now = clock_.wall();
  for (const model::TaskId id : std::set<model::TaskId>(unfinished_)) {
    Live& live = tasks_.at(id);
    if (live.task.kind == model::TaskKind::kPrefetch) continue;  // it may come back and go on
    if (live.awaited.erase(peer.id) == 0) continue;
    parts_.push_back({id, {peer.id, model::TaskState::kPending, 0, 0, std::string(kAwayMessage), now}});
    settle(live, now);
  }
  write_soon();
}

void TaskBoard::record(model::TaskId id, model::NodeProgress progress) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  Live& live = it->second;
  const auto part = part_of(live.task, progress.node);
  if (part == live.task.nodes.end() || model::is_final(part->state)) return;
  *part = progress;
  if (model::is_final(progress.state)) {
    live.awaited.erase(progress.node);
    --live.open;
  }
  parts_.push_back({id, progress});
  settle(live, progress.updated);
  write_soon();
}

/// Nodes silent since: what they have not loaded by now they do not load on return, as they would apply a refresh.
void TaskBoard::fail_gone(Live& live, WallTime since, WallTime now) {
  for (const model::NodeId node : std::set<model::NodeId>(live.awaited)) {
    const NodePeer* peer = hub_.find(node);
    const bool is_gone = peer == nullptr || (!peer->is_connected() && peer->state.last_heartbeat <= since);
    const auto part = part_of(live.task, node);
    if (!is_gone || part == live.task.nodes.end()) continue;
    model::NodeProgress progress = *part;
    progress.state = progress.done > 0 ? model::TaskState::kPartial : model::TaskState::kFailed;
    progress.message = "away, with a part of it undone";
    progress.updated = now;
    record(live.task.id, std::move(progress));
  }
}

void TaskBoard::stop_waiting_for_absent(std::chrono::milliseconds age) {
  const WallTime now = clock_.wall();
  for (const model::TaskId id : std::set<model::TaskId>(unfinished_)) {
    Live& live = tasks_.at(id);
    if (now - live.task.created < age) continue;
    const auto is_gone = [this](model::NodeId node) {
      const NodePeer* peer = hub_.find(node);
      return peer == nullptr || !peer->is_connected();
    };
    if (live.task.kind == model::TaskKind::kPrefetch) {
      fail_gone(live, now - kLoadingPatience, now);
      continue;
    }
    if (std::erase_if(live.awaited, is_gone) == 0) continue;
    for (const model::NodeProgress& part : live.task.nodes) {
      if (model::is_final(part.state) || live.awaited.contains(part.node)) continue;
      parts_.push_back({id, {part.node, model::TaskState::kPending, 0, 0, std::string(kAwayMessage), now}});
    }
    settle(live, now);
  }
  write_soon();
}

void TaskBoard::forget_old() {
  // Ids grow with time. One that a node still owes is kept like the others: the log says the same later.
  for (auto it = tasks_.begin(); it != tasks_.end() && tasks_.size() - unfinished_.size() > kKeepFinished;) {
    if (unfinished_.contains(it->first)) {
      ++it;
    } else {
      const Live& live = it->second;
      if (live.task.kind == model::TaskKind::kRefresh && live.open > 0) {
        owed_.erase(live.task.last_seq);
        for (const model::NodeProgress& part : live.task.nodes) {
          if (!model::is_final(part.state)) stragglers_.insert(part.node);
        }
      }
      it = tasks_.erase(it);
    }
  }
}

void TaskBoard::write_soon() {
  if (is_writing_ || (done_.empty() && applied_.empty() && parts_.empty())) return;
  is_writing_ = true;
  reactor_.spawn_into(scope_, write());
}

struct TaskBoard::Writes {
  std::map<model::TaskId, std::vector<store::TaskStore::Done>> done;
  std::map<model::NodeId, Applied> applied;
  std::vector<Part> parts;
};

/// One transaction for all that came meanwhile.
io::Task<void> TaskBoard::write() {
  while (!done_.empty() || !applied_.empty() || !parts_.empty()) {
    co_await io::sleep_for(kGather);
    auto writes = std::make_shared<const Writes>(  // shared with the pool's thread
        Writes{std::exchange(done_, {}), std::exchange(applied_, {}), std::exchange(parts_, {})});
    for (;;) {
      auto deed = [this, writes, now = clock_.wall()] {
        return database_.write([&](store::Transaction& tx) { return store(tx, *writes, now); });
      };
      auto done = co_await pool_.run(std::move(deed), io::kNoDeadline);
      if (done || done.error().code == Code::kCancelled) break;
      log::warn("task progress could not be stored: {}", done.error().message);
      co_await io::sleep_for(kRetry);
    }
  }
  is_writing_ = false;
}

Status TaskBoard::store(store::Transaction& tx, const Writes& writes, WallTime now) {
  store::TaskStore tasks(tx);
  const auto check = [](const auto& recorded) -> Status {
    if (!recorded && recorded.error().code != Code::kNotFound) return fail(recorded.error());
    return {};
  };
  for (const auto& [id, nodes] : writes.done) YZ_CHECK(check(tasks.record_done(id, nodes, now)));
  for (const auto& [node, at] : writes.applied) YZ_CHECK(check(tasks.record_applied(node, at.seq, at.at)));
  for (const Part& part : writes.parts) {
    YZ_CHECK(check(part.progress.message == kAwayMessage
                       ? tasks.stop_awaiting(part.task, part.progress.node, part.progress.updated)
                       : tasks.record_progress(part.task, part.progress)));
  }
  return {};
}

PartState part_state(const model::Task& task, const model::NodeProgress& part, const NodeHub& hub) {
  if (part.state == model::TaskState::kComplete) return PartState::kDone;
  if (model::is_final(part.state)) return PartState::kFailed;
  if (!hub.is_open()) return PartState::kWaiting;  // the instance that leads knows more
  const NodePeer* peer = hub.find(part.node);
  if (task.kind == model::TaskKind::kRefresh && peer != nullptr && peer->state.applied_purge >= task.last_seq) {
    return PartState::kDone;
  }
  return peer != nullptr && peer->is_connected() ? PartState::kWaiting : PartState::kAway;
}

}  // namespace yz::control
