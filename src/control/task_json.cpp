#include "control/task_json.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "model/enum_names.h"

namespace yz::control {
namespace {

constexpr std::string_view kPartNames[] = {"waiting", "done", "failed", "away"};

nlohmann::json target_json(const model::TaskTarget& target, const model::ConfigSnapshot& config) {
  const model::Domain* domain = config.domains.find(target.domain);
  const std::string host = domain != nullptr ? domain->name : std::string();
  nlohmann::json out = {{"kind", model::name_of(target.kind)},
                        {"value", !target.url.empty()                      ? target.url
                                  : target.kind == model::PurgeKind::kHost ? host
                                                                           : target.key}};
  if (!host.empty()) out["domain"] = host;
  return out;
}

/// Of a prefetch: how much is loaded of what is known, over all nodes; manifests found on the way make it grow.
std::size_t percent_loaded(const model::Task& task) {
  std::size_t urls = std::max<std::size_t>(1, task.targets.size());
  std::size_t ended = 0;
  for (const model::NodeProgress& part : task.nodes) {
    urls = std::max<std::size_t>(urls, part.done + part.failed);
    ended += part.done + part.failed;
  }
  return task.nodes.empty() ? 100 : std::min<std::size_t>(99, 100 * ended / (urls * task.nodes.size()));
}

}  // namespace

nlohmann::json task_json(const model::Task& task, const NodeHub& hub, const model::ConfigSnapshot& config) {
  std::size_t counts[4] = {};
  nlohmann::json nodes = nlohmann::json::array();
  for (const model::NodeProgress& part : task.nodes) {
    const PartState state = part_state(task, part, hub);
    ++counts[static_cast<std::size_t>(state)];
    nlohmann::json node = {{"node", part.node.value}, {"state", kPartNames[static_cast<std::size_t>(state)]}};
    if (const model::Node* configured = config.nodes.find(part.node)) node["name"] = configured->name;
    if (!part.message.empty()) node["message"] = part.message;
    if (task.kind == model::TaskKind::kPrefetch) {
      node["urls_done"] = part.done;
      node["urls_failed"] = part.failed;
    }
    if (model::is_final(part.state)) node["after_ms"] = (part.updated - task.created).count();
    nodes.push_back(std::move(node));
  }
  const auto [waiting, done, failed, away] = counts;
  const std::size_t concerned = waiting + done + failed;
  std::size_t percent = concerned == 0 ? 100 : 100 * (done + failed) / concerned;
  if (task.kind == model::TaskKind::kPrefetch) percent = percent_loaded(task);
  if (model::is_final(task.state)) percent = 100;
  nlohmann::json targets = nlohmann::json::array();
  for (const model::TaskTarget& target : task.targets) targets.push_back(target_json(target, config));
  nlohmann::json out = {
      {"id", task.id.value},
      {"kind", model::name_of(task.kind)},
      {"state", model::name_of(task.state)},
      {"created", format_rfc3339(task.created)},
      {"targets", std::move(targets)},
      {"progress",
       {{"total", task.nodes.size()}, {"done", done}, {"failed", failed}, {"away", away}, {"percent", percent}}},
      {"nodes", std::move(nodes)},
  };
  if (task.tenant) out["tenant"] = task.tenant.value;
  if (model::is_final(task.state)) out["finished"] = format_rfc3339(task.finished);
  if (task.kind == model::TaskKind::kPrefetch) out["manifests"] = task.reads_manifests;
  if (task.last_seq) {
    out["mode"] = task.hard ? "hard" : "soft";
    out["first_seq"] = task.first_seq.value;
    out["last_seq"] = task.last_seq.value;
  }
  return out;
}

}  // namespace yz::control
