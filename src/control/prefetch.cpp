#include "control/prefetch.h"

#include <algorithm>

namespace yz::control {

void Prefetcher::start(model::TaskId id) {
  const TaskBoard::Live* live = board_.find(id);
  if (live == nullptr || live->task.kind != model::TaskKind::kPrefetch) return;
  for (NodePeer* peer : hub_.connected(rpc::Role::kEdge)) send(*peer, live->task);
}

void Prefetcher::send(NodePeer& peer, const model::Task& task) {
  const auto part = std::ranges::find(task.nodes, peer.id, &model::NodeProgress::node);
  if (part == task.nodes.end() || model::is_final(part->state)) return;
  rpc::PrefetchTask message;
  message.task = task.id;
  for (const model::TaskTarget& target : task.targets) message.urls.push_back(target.url);
  tallies_[{task.id, peer.id}] = {};
  peer.session->send(std::move(message));
}

void Prefetcher::on_attached(NodePeer& peer, const rpc::Hello& /*hello*/) {
  if (peer.role != rpc::Role::kEdge) return;
  for (const TaskBoard::Live* live : board_.unfinished(model::TaskKind::kPrefetch)) send(peer, live->task);
}

void Prefetcher::on_prefetch_result(NodePeer& peer, const rpc::PrefetchResult& result) {
  const auto it = tallies_.find({result.task, peer.id});
  if (it == tallies_.end()) return;
  Tally& tally = it->second;
  for (const rpc::PrefetchedUrl& url : result.urls) {
    ++(url.ok ? tally.done : tally.failed);
    if (!url.ok && tally.first_failure.empty()) {
      tally.first_failure = url.url + ": " + (url.reason.empty() ? "status " + std::to_string(url.status) : url.reason);
    }
  }
  model::NodeProgress progress{peer.id,      model::TaskState::kRunning, tally.done,
                               tally.failed, tally.first_failure,        clock_.wall()};
  if (result.finished) {
    progress.state = tally.failed == 0 ? model::TaskState::kComplete
                     : tally.done == 0 ? model::TaskState::kFailed
                                       : model::TaskState::kPartial;
    tallies_.erase(it);
  }
  board_.record(result.task, std::move(progress));
}

}  // namespace yz::control
