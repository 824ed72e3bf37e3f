#include "control/task_json.h"

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
    if (model::is_final(part.state)) node["after_ms"] = (part.updated - task.created).count();
    nodes.push_back(std::move(node));
  }
  const auto [waiting, done, failed, away] = counts;
  const std::size_t concerned = waiting + done + failed;
  nlohmann::json targets = nlohmann::json::array();
  for (const model::TaskTarget& target : task.targets) targets.push_back(target_json(target, config));
  nlohmann::json out = {
      {"id", task.id.value},
      {"kind", model::name_of(task.kind)},
      {"state", model::name_of(task.state)},
      {"created", format_rfc3339(task.created)},
      {"targets", std::move(targets)},
      {"progress",
       {{"total", task.nodes.size()},
        {"done", done},
        {"failed", failed},
        {"away", away},
        {"percent", model::is_final(task.state) || concerned == 0 ? 100 : 100 * (done + failed) / concerned}}},
      {"nodes", std::move(nodes)},
  };
  if (task.tenant) out["tenant"] = task.tenant.value;
  if (model::is_final(task.state)) out["finished"] = format_rfc3339(task.finished);
  if (task.kind == model::TaskKind::kRefresh) {
    out["mode"] = task.hard ? "hard" : "soft";
    out["first_seq"] = task.first_seq.value;
    out["last_seq"] = task.last_seq.value;
  }
  return out;
}

}  // namespace yz::control
