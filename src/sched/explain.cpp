#include "sched/explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace yz::sched {
namespace {

std::string group_names(const StepTrace& step, const SchedView& view) {
  std::string out;
  for (const model::NodeGroupId id : step.groups) {
    const GroupView* group = view.find_group(id);
    if (!out.empty()) out += ", ";
    out += group == nullptr ? to_string(id) : group->name;
  }
  return out;
}

std::string address_of(const NodeView& node) {
  return node.config->addresses.empty() ? "-" : to_string(node.config->addresses.front());
}

std::string_view sentence(Unanswered reason) {
  switch (reason) {
    case Unanswered::kNo:
      return "";
    case Unanswered::kUnknown:
      return "there is no such domain";
    case Unanswered::kDisabled:
      return "the domain is disabled";
    case Unanswered::kNotInForce:
      return "no node has acknowledged the domain yet";
    case Unanswered::kNoNodes:
      return "its policy leads to no node that is open";
  }
  return "";
}

}  // namespace

std::string_view to_string(Unanswered reason) {
  switch (reason) {
    case Unanswered::kNo:
      return "";
    case Unanswered::kUnknown:
      return "unknown";
    case Unanswered::kDisabled:
      return "disabled";
    case Unanswered::kNotInForce:
      return "not_in_force";
    case Unanswered::kNoNodes:
      return "no_nodes";
  }
  return "";
}

std::string explain_text(const Decision& decision, const SchedView& view) {
  std::string out =
      fmt::format("domain  {} (policy {})\nviewer  {}\n", decision.domain_name.empty() ? "-" : decision.domain_name,
                  decision.policy.empty() ? "-" : decision.policy, to_string(decision.client));
  if (decision.set.unanswered != Unanswered::kNo)
    return out + fmt::format("answer  none: {}\n", sentence(decision.set.unanswered));
  out += "chain\n";
  for (const StepTrace& step : decision.steps) {
    const std::string groups = group_names(step, view);
    out += fmt::format("  {} {:<14} {:<28} {}\n", step.taken ? "*" : " ", step.step, step.meaning,
                       groups.empty() ? "-" : fmt::format("{} ({} of {} usable)", groups, step.usable, step.nodes));
  }
  out += "candidates\n";
  for (const Candidate& c : decision.candidates) {
    const NodeView* node = view.find_node(c.node);
    out += fmt::format("  {} {:<14} {:<15} {:<20} weight {:<6.0f} {}\n", c.in ? "+" : "-", c.name,
                       node == nullptr ? "-" : address_of(*node), c.group_name, c.weight, c.reason);
  }
  out += "answer ";
  for (const model::NodeId id : decision.chosen) {
    const NodeView* node = view.find_node(id);
    if (node != nullptr) out += fmt::format(" {} ({})", address_of(*node), node->config->name);
  }
  out += fmt::format("\nttl     {} s{}{}\n", decision.set.ttl.count(),
                     decision.set.degraded ? ", shortened: a node that should serve is not well" : "",
                     decision.set.panic ? "; panic: too few nodes are healthy, health is ignored" : "");
  return out;
}

nlohmann::json explain_json(const Decision& decision, const SchedView& view) {
  using nlohmann::json;
  json steps = json::array();
  for (const StepTrace& s : decision.steps) {
    json groups = json::array();
    for (const model::NodeGroupId id : s.groups) {
      const GroupView* group = view.find_group(id);
      groups.push_back({{"id", id.value}, {"name", group == nullptr ? "" : group->name}});
    }
    steps.push_back({{"step", s.step},
                     {"meaning", s.meaning},
                     {"groups", groups},
                     {"usable", s.usable},
                     {"nodes", s.nodes},
                     {"taken", s.taken}});
  }
  json candidates = json::array();
  for (const Candidate& c : decision.candidates) {
    candidates.push_back({{"node", c.node.value},
                          {"name", c.name},
                          {"group", c.group.value},
                          {"group_name", c.group_name},
                          {"step", decision.steps[c.step].step},
                          {"weight", c.weight},
                          {"in", c.in},
                          {"reason", c.reason}});
  }
  json chosen = json::array();
  for (const model::NodeId id : decision.chosen) {
    const NodeView* node = view.find_node(id);
    if (node == nullptr) continue;
    json addresses = json::array();
    for (const IpAddress& address : node->config->addresses) addresses.push_back(to_string(address));
    chosen.push_back({{"node", id.value},
                      {"name", node->config->name},
                      {"addresses", addresses},
                      {"port", node->config->http_port}});
  }
  return json{{"client",
               {{"country", geo::to_string(decision.client.country)},
                {"province", geo::to_string(decision.client.province)},
                {"isp", geo::to_string(decision.client.isp)}}},
              {"domain", decision.domain_name},
              {"policy", decision.policy},
              {"steps", steps},
              {"candidates", candidates},
              {"chosen", chosen},
              {"ttl", decision.set.ttl.count()},
              {"degraded", decision.set.degraded},
              {"panic", decision.set.panic},
              {"unanswered", to_string(decision.set.unanswered)}};
}

}  // namespace yz::sched
