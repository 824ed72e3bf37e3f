#include "sched/decide.h"

#include <fmt/format.h>

#include "model/enum_names.h"
#include "sched/search.h"

namespace yz::sched {
namespace {

std::string name_of_step(const SearchStep& step) {
  if (step.rule) return fmt::format("rule {}", *step.rule + 1);
  return step.chain ? std::string(model::name_of(*step.chain)) : "last_resort";
}

std::string meaning_of_step(const SearchStep& step, const ClientClass& c) {
  using model::ChainStep;
  if (!step.skipped.empty()) return std::string(step.skipped);
  if (step.rule) return "groups the policy names for this viewer";
  if (!step.chain) return "every group of the pool";
  const auto province = geo::to_string(c.province);
  const auto isp = geo::to_string(c.isp);
  switch (*step.chain) {
    case ChainStep::kProvinceIsp:
      return fmt::format("{} {}", province, isp);
    case ChainStep::kRegionIsp:
      return fmt::format("{} region, {}", geo::to_string(geo::region_of(c.province)), isp);
    case ChainStep::kCountryIsp:
      return fmt::format("{}, {}", geo::to_string(c.country), isp);
    case ChainStep::kProvinceMulti:
      return fmt::format("{}, several lines", province);
    case ChainStep::kProvinceAny:
      return fmt::format("{}, any line", province);
    case ChainStep::kCountryAny:
      return fmt::format("{}, any line", geo::to_string(c.country));
    case ChainStep::kDefault:
      return "the policy's default";
  }
  return {};
}

std::string reason_of(const Search& search, const Reached& r) {
  if (r.node->standing == Standing::kClosed) return r.node->reason;
  if (r.in_force == InForce::kNever) return "it has not acknowledged this domain yet";
  if (!r.usable && r.node->standing == Standing::kDown) return r.node->reason;
  if (!r.usable) return "it has an older version of this domain, others have the newest";
  if (r.step != search.taken) return "a nearer step serves";
  if (search.panic) return fmt::format("panic: health is ignored ({})", r.node->reason);
  if (r.in_force == InForce::kOlder) return fmt::format("{}; no node has this domain's newest version", r.node->reason);
  return r.node->reason;
}

void add_account(Decision& out, const SchedView& view, const Search& found) {
  for (const SearchStep& step : found.steps) {
    StepTrace trace;
    trace.step = name_of_step(step);
    trace.meaning = meaning_of_step(step, out.client);
    for (const GroupView* group : step.groups) trace.groups.push_back(group->id);
    out.steps.push_back(std::move(trace));
  }
  for (const Reached& r : found.reached) {
    StepTrace& step = out.steps[r.step];
    ++step.nodes;
    if (r.usable) ++step.usable;
    const GroupView* group = view.find_group(r.node->group);
    out.candidates.push_back({r.node->id, r.node->config->name, r.node->group, group == nullptr ? "" : group->name,
                              r.step, r.node->weight, r.usable && r.step == found.taken, reason_of(found, r)});
  }
  if (found.taken) out.steps[*found.taken].taken = true;
}

}  // namespace

ServingSet select(const SchedView& view, model::DomainId domain, const ClientClass& client) {
  return serving_set(search(view, domain, client));
}

Decision decide(const SchedView& view, model::DomainId domain, const ClientClass& client, std::uint64_t salt) {
  const Search found = search(view, domain, client);
  Decision out;
  out.domain = domain;
  out.client = client;
  out.salt = salt;
  if (found.domain != nullptr) out.domain_name = found.domain->name;
  if (found.policy != nullptr) out.policy = found.policy->name;
  out.set = serving_set(found);
  const SlotRow row = rank_slot(out.set.nodes, SlotTable::slot_of(salt), out.set.answers);
  out.chosen.assign(row.view().begin(), row.view().end());
  add_account(out, view, found);
  return out;
}

std::optional<model::NodeId> find_better_node(const SchedView& view, model::DomainId domain, const ClientClass& client,
                                              std::uint64_t salt, model::NodeId self) {
  if (view.find_node(self) == nullptr) return std::nullopt;
  const Search found = search(view, domain, client);
  if (!found.taken || found.panic) return std::nullopt;
  const SearchStep& taken = found.steps[*found.taken];
  const bool rests_on_viewer = taken.rule || (taken.chain && *taken.chain != model::ChainStep::kDefault);
  if (!rests_on_viewer) return std::nullopt;
  for (const Reached& r : found.reached) {
    if (r.node->id == self && r.step <= *found.taken) return std::nullopt;
  }
  const ServingSet set = serving_set(found);
  const SlotRow row = rank_slot(set.nodes, SlotTable::slot_of(salt), 1);
  return row.count == 0 ? std::nullopt : std::optional(row.nodes[0]);
}

}  // namespace yz::sched
