#include "control/task_board.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "store/task_store.h"

namespace yz::control {
namespace {

constexpr std::size_t kKeepFinished = 2'000;
constexpr std::chrono::milliseconds kRetry{200};
constexpr std::string_view kAwayMessage = "away; applies it on return, before it serves";

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
  if (!model::is_final(live.task.state)) unfinished_.insert(id);
  const WallTime now = clock_.wall();
  for (const model::NodeProgress& part : live.task.nodes) {
    if (model::is_final(part.state)) continue;
    const NodePeer* peer = hub_.find(part.node);
    if (wait_for_all || (peer != nullptr && peer->is_connected())) live.awaited.insert(part.node);
  }
  // Acknowledgements may have come before the task did.
  if (live.task.kind == model::TaskKind::kRefresh) {
    if (!live.task.nodes.empty()) owed_.insert(id);
    for (const model::NodeProgress& part : live.task.nodes) {
      const NodePeer* peer = hub_.find(part.node);
      if (peer != nullptr && peer->is_connected() && peer->state.applied_purge >= live.task.last_seq) {
        mark_done(live, part.node, now);
        applied_[part.node] = {peer->state.applied_purge, now};
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

std::vector<const TaskBoard::Live*> TaskBoard::unfinished(model::TaskKind kind) const {
  std::vector<const Live*> out;
  for (const model::TaskId id : unfinished_) {
    const Live& live = tasks_.at(id);
    if (live.task.kind == kind) out.push_back(&live);
  }
  return out;
}

void TaskBoard::mark_done(Live& live, model::NodeId node, WallTime now) {
  for (model::NodeProgress& part : live.task.nodes) {
    if (part.node != node || model::is_final(part.state)) continue;
    part.state = model::TaskState::kComplete;
    part.done = static_cast<std::uint32_t>(live.task.targets.size());
    part.updated = now;
  }
  live.awaited.erase(node);
  const bool owes = std::ranges::any_of(live.task.nodes,
                                        [](const model::NodeProgress& part) { return !model::is_final(part.state); });
  if (!owes) owed_.erase(live.task.id);
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
  const WallTime now = clock_.wall();
  const model::PurgeSeq applied = peer.state.applied_purge;
  for (const model::TaskId id : std::set<model::TaskId>(owed_)) {
    Live& live = tasks_.at(id);
    if (live.task.last_seq > applied) break;  // both numbers grow together
    const auto part = std::ranges::find(live.task.nodes, peer.id, &model::NodeProgress::node);
    if (part == live.task.nodes.end() || model::is_final(part->state)) continue;
    mark_done(live, peer.id, now);
    settle(live, now);
  }
  applied_[peer.id] = {applied, now};
  write_soon();
}

void TaskBoard::on_attached(NodePeer& peer, const rpc::Hello& /*hello*/) {
  if (peer.role == rpc::Role::kEdge) on_purge_applied(peer);
}

void TaskBoard::on_detached(NodePeer& peer) {
  const WallTime now = clock_.wall();
  for (const model::TaskId id : std::set<model::TaskId>(unfinished_)) {
    Live& live = tasks_.at(id);
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
  const auto part = std::ranges::find(live.task.nodes, progress.node, &model::NodeProgress::node);
  if (part == live.task.nodes.end() || model::is_final(part->state)) return;
  *part = progress;
  if (model::is_final(progress.state)) live.awaited.erase(progress.node);
  parts_.push_back({id, progress});
  settle(live, progress.updated);
  write_soon();
}

void TaskBoard::stop_waiting_for_absent(std::chrono::milliseconds age) {
  const WallTime now = clock_.wall();
  for (const model::TaskId id : std::set<model::TaskId>(unfinished_)) {
    Live& live = tasks_.at(id);
    if (now - live.task.created < age) continue;
    const std::size_t gone = std::erase_if(live.awaited, [this](model::NodeId node) {
      const NodePeer* peer = hub_.find(node);
      return peer == nullptr || !peer->is_connected();
    });
    if (gone == 0) continue;
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
      owed_.erase(it->first);
      it = tasks_.erase(it);
    }
  }
}

void TaskBoard::write_soon() {
  if (is_writing_ || (applied_.empty() && parts_.empty())) return;
  is_writing_ = true;
  reactor_.spawn_into(scope_, write());
}

io::Task<void> TaskBoard::write() {
  while (!applied_.empty() || !parts_.empty()) {
    const auto applied = std::exchange(applied_, {});
    const auto parts = std::exchange(parts_, {});
    for (;;) {
      auto done = co_await pool_.run(
          [this, applied, parts] {
            return database_.write([&](store::Transaction& tx) -> Status {
              store::TaskStore tasks(tx);
              for (const auto& [node, at] : applied) {
                if (auto recorded = tasks.record_applied(node, at.seq, at.at); !recorded) return fail(recorded.error());
              }
              for (const Part& part : parts) {
                auto recorded = part.progress.message == kAwayMessage
                                    ? tasks.stop_awaiting(part.task, part.progress.node, part.progress.updated)
                                    : tasks.record_progress(part.task, part.progress);
                if (!recorded && recorded.error().code != Code::kNotFound) return fail(recorded.error());
              }
              return {};
            });
          },
          io::kNoDeadline);
      if (done || done.error().code == Code::kCancelled) break;
      log::warn("task progress could not be stored: {}", done.error().message);
      co_await io::sleep_for(kRetry);
    }
  }
  is_writing_ = false;
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
