#include "control/prefetch/prefetch_run.h"

#include <fmt/format.h>

namespace yz::control {

PrefetchRun::PrefetchRun(const model::Task& task) : reads_manifests_(task.reads_manifests) {
  for (const model::TaskTarget& target : task.targets) {
    if (!places_.contains(target.url)) put(target.url, target.domain, 0);
  }
  for (const model::NodeProgress& part : task.nodes) {
    if (!model::is_final(part.state)) parts_.try_emplace(part.node);
  }
}

std::size_t PrefetchRun::put(std::string url, model::DomainId domain, std::uint8_t depth) {
  const std::size_t index = urls_.size();
  bytes_ += url.size();
  places_.emplace(url, index);
  const bool is_read = !reads_manifests_ || depth == kDeepest;
  urls_.push_back({std::move(url), domain, depth, false, false, is_read});
  unread_ += is_read ? 0 : 1;
  return index;
}

std::optional<std::size_t> PrefetchRun::find(std::string_view url) const {
  const auto it = places_.find(std::string(url));
  return it == places_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<std::size_t> PrefetchRun::add(std::string link, model::DomainId domain, std::size_t manifest) {
  const std::uint8_t depth = urls_[manifest].depth;
  if (depth == kDeepest || places_.contains(link)) return std::nullopt;
  if (urls_.size() == kMostUrls || bytes_ + link.size() > kMostBytes) {
    is_cut_ = true;
    return std::nullopt;
  }
  return put(std::move(link), domain, static_cast<std::uint8_t>(depth + 1));
}

std::vector<model::NodeId> PrefetchRun::nodes() const {
  std::vector<model::NodeId> out;
  out.reserve(parts_.size());
  for (const auto& [node, part] : parts_) out.push_back(node);
  return out;
}

bool PrefetchRun::is_to_read(model::NodeId node, std::size_t index) const {
  return node == scout_ && !urls_[index].is_read;
}

std::vector<std::size_t> PrefetchRun::owed(model::NodeId node) const {
  std::vector<std::size_t> out;
  const auto it = parts_.find(node);
  if (it == parts_.end()) return out;
  const std::vector<bool>& ended = it->second.has_ended;
  for (std::size_t i = 0; i < urls_.size(); ++i) {
    if (!urls_[i].is_released) continue;
    if (i >= ended.size() || !ended[i] || is_to_read(node, i)) out.push_back(i);
  }
  return out;
}

/// True when it was the last.
bool PrefetchRun::mark_read(std::size_t index) {
  if (urls_[index].is_read) return false;
  urls_[index].is_read = true;
  return --unread_ == 0;
}

std::optional<PrefetchRun::Taken> PrefetchRun::take(model::NodeId node, const rpc::PrefetchedUrl& result) {
  const auto index = find(result.url);
  const auto it = parts_.find(node);
  if (!index || it == parts_.end()) return std::nullopt;
  Taken taken{*index, !urls_[*index].is_loaded, result.was_read && mark_read(*index)};
  Part& part = it->second;
  if (part.has_ended.size() < urls_.size()) part.has_ended.resize(urls_.size());
  if (part.has_ended[*index]) return taken.ends_reading ? std::optional(taken) : std::nullopt;
  part.has_ended[*index] = true;
  urls_[*index].is_loaded = true;
  ++(result.ok ? part.done : part.failed);
  std::string& told = result.ok ? part.remark : part.first_failure;
  const std::string why = result.ok || !result.reason.empty() ? result.reason : fmt::format("status {}", result.status);
  if (told.empty() && !why.empty()) told = fmt::format("{}: {}", result.url, why);
  return taken;
}

bool PrefetchRun::is_done(model::NodeId node) const {
  const auto it = parts_.find(node);
  return it != parts_.end() && unread_ == 0 && it->second.done + it->second.failed == urls_.size();
}

model::NodeProgress PrefetchRun::progress(model::NodeId node, WallTime now) const {
  const Part& part = parts_.at(node);
  std::string message = !part.first_failure.empty() ? part.first_failure : part.remark;
  if (message.empty() && is_cut_) {
    message = fmt::format("the manifests lead to more than {} URLs; the rest is left out", urls_.size());
  }
  model::TaskState state = model::TaskState::kRunning;
  if (is_done(node)) {
    state = part.failed == 0 ? model::TaskState::kComplete
            : part.done == 0 ? model::TaskState::kFailed
                             : model::TaskState::kPartial;
  }
  return {node, state, part.done, part.failed, std::move(message), now};
}

}  // namespace yz::control
