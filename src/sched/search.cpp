#include "sched/search.h"

#include <algorithm>

namespace yz::sched {
namespace {

using model::ChainStep;

bool rule_matches(const model::PolicyRule& rule, const ClientClass& client) {
  if (!rule.place.country.empty() && geo::Country::parse(rule.place.country) != client.country) return false;
  if (!rule.place.province.empty() && geo::parse_province(rule.place.province) != client.province) return false;
  return rule.isp.empty() || geo::parse_isp(rule.isp) == client.isp;
}

bool is_known(geo::Province p) { return p != geo::Province::kNone; }
bool is_known(geo::Isp i) { return i != geo::Isp::kNone; }

/// Why a step of the chain can match nothing for this viewer; empty when it can.
std::string_view skip_reason(ChainStep step, const ClientClass& client) {
  const bool wants_province = step == ChainStep::kProvinceIsp || step == ChainStep::kRegionIsp ||
                              step == ChainStep::kProvinceMulti || step == ChainStep::kProvinceAny;
  const bool wants_isp =
      step == ChainStep::kProvinceIsp || step == ChainStep::kRegionIsp || step == ChainStep::kCountryIsp;
  const bool wants_country = step == ChainStep::kCountryIsp || step == ChainStep::kCountryAny;
  if (wants_province && !is_known(client.province)) return "the viewer's province is not known";
  if (wants_isp && !is_known(client.isp)) return "the viewer's line is not known";
  if (wants_country && !client.country.is_known()) return "the viewer's country is not known";
  return {};
}

bool group_matches(ChainStep step, const GroupView& group, const ClientClass& client) {
  const bool same_province = group.province == client.province;
  const bool same_country = group.country == client.country;
  switch (step) {
    case ChainStep::kProvinceIsp:
      return same_province && group.has_isp(client.isp);
    case ChainStep::kRegionIsp:
      return is_known(group.province) && geo::region_of(group.province) == geo::region_of(client.province) &&
             group.has_isp(client.isp);
    case ChainStep::kCountryIsp:
      return same_country && group.has_isp(client.isp);
    case ChainStep::kProvinceMulti:
      return same_province && group.is_multi_line();
    case ChainStep::kProvinceAny:
      return same_province;
    case ChainStep::kCountryAny:
      return same_country;
    case ChainStep::kDefault:
      return false;
  }
  return false;
}

InForce in_force(const NodeView& node, const model::ConfigSnapshot& config, const model::Domain& domain,
                 model::ConfigSeq wanted) {
  if (node.acked >= wanted) return InForce::kCurrent;
  if (node.acked >= config.domains.seq_of(domain.id)) return InForce::kOlder;
  return domain.version > 1 && node.acked ? InForce::kOlder : InForce::kNever;
}

bool is_open(const Reached& r) { return r.node->standing != Standing::kClosed; }
bool is_healthy(const Reached& r) {
  return r.node->standing == Standing::kUp || r.node->standing == Standing::kSuspect;
}

class Builder {
 public:
  Builder(const SchedView& view, const ClientClass& client) : view_(view), client_(client) {}

  Search build(model::DomainId id) {
    out_.domain = view_.config().domains.find(id);
    if (out_.domain == nullptr) return refuse(Unanswered::kUnknown);
    if (!out_.domain->enabled) return refuse(Unanswered::kDisabled);
    out_.policy = view_.config().policies.find(out_.domain->policy);
    if (out_.policy == nullptr) return refuse(Unanswered::kNoNodes);
    add_steps();
    reach_nodes();
    take_step();
    return std::move(out_);
  }

 private:
  Search refuse(Unanswered why) {
    out_.unanswered = why;
    return std::move(out_);
  }

  void add_steps() {
    const model::Policy& policy = *out_.policy;
    std::vector<const GroupView*> pool;
    if (policy.pool.empty()) {
      for (const GroupView& group : view_.groups()) pool.push_back(&group);
    } else {
      pool = existing(policy.pool);
    }
    for (std::size_t i = 0; i < policy.rules.size(); ++i) {
      if (!rule_matches(policy.rules[i], client_)) continue;
      add_step({std::nullopt, i, {}, {}}, existing(policy.rules[i].groups));
      break;
    }
    for (const ChainStep step : policy.chain) {
      const std::string_view skipped = skip_reason(step, client_);
      std::vector<const GroupView*> groups;
      if (step == ChainStep::kDefault) {
        groups = policy.default_groups.empty() ? pool : existing(policy.default_groups);
      } else if (skipped.empty()) {
        std::copy_if(pool.begin(), pool.end(), std::back_inserter(groups),
                     [&](const GroupView* group) { return group_matches(step, *group, client_); });
      }
      add_step({step, std::nullopt, {}, skipped}, groups);
    }
    add_step({}, pool);
  }
  /// Adds a step with those of `groups` that no earlier step has.
  void add_step(SearchStep step, const std::vector<const GroupView*>& groups) {
    for (const GroupView* group : groups) {
      if (std::find(seen_.begin(), seen_.end(), group) != seen_.end()) continue;
      seen_.push_back(group);
      step.groups.push_back(group);
    }
    out_.steps.push_back(std::move(step));
  }
  std::vector<const GroupView*> existing(const std::vector<model::NodeGroupId>& ids) const {
    std::vector<const GroupView*> out;
    for (const model::NodeGroupId id : ids) {
      if (const GroupView* group = view_.find_group(id)) out.push_back(group);
    }
    return out;
  }

  void reach_nodes() {
    const model::ConfigSeq wanted = model::effective_seq(view_.config(), out_.domain->id);
    for (std::size_t s = 0; s < out_.steps.size(); ++s) {
      const std::size_t first = out_.reached.size();
      for (const GroupView* group : out_.steps[s].groups) {
        for (const std::uint32_t index : group->node_index) {
          const NodeView& node = view_.nodes()[index];
          out_.reached.push_back({&node, s, in_force(node, view_.config(), *out_.domain, wanted), false});
        }
      }
      std::sort(out_.reached.begin() + static_cast<std::ptrdiff_t>(first), out_.reached.end(),
                [](const Reached& a, const Reached& b) { return a.node->id < b.node->id; });
    }
  }

  /// The nearest step with a usable node: first among nodes with the newest version of the domain, then among those
  /// with an older one. Health counts unless too few are healthy to believe it.
  void take_step() {
    std::size_t open = 0, healthy = 0, eligible = 0;
    for (const Reached& r : out_.reached) {
      if (!is_open(r)) continue;
      ++open;
      if (r.in_force == InForce::kNever) continue;
      ++eligible;
      if (is_healthy(r)) ++healthy;
    }
    if (open == 0) return void(out_.unanswered = Unanswered::kNoNodes);
    if (eligible == 0) return void(out_.unanswered = Unanswered::kNotInForce);
    out_.panic = healthy == 0 || healthy * 100 < std::size_t{out_.policy->panic_percent} * eligible;
    for (const InForce least : {InForce::kCurrent, InForce::kOlder}) {
      for (Reached& r : out_.reached) {
        r.usable = is_open(r) && (out_.panic || is_healthy(r)) && r.in_force >= least;
        if (r.usable && !out_.taken) out_.taken = r.step;
      }
      if (out_.taken) return;
    }
  }

  const SchedView& view_;
  const ClientClass& client_;
  std::vector<const GroupView*> seen_;
  Search out_;
};

}  // namespace

Search search(const SchedView& view, model::DomainId domain, const ClientClass& client) {
  return Builder(view, client).build(domain);
}

ServingSet serving_set(const Search& search) {
  ServingSet set;
  set.unanswered = search.unanswered;
  if (search.policy != nullptr) {
    set.answers = search.policy->answers;
    set.ttl = search.policy->ttl;
  }
  if (!search.taken) return set;
  set.panic = search.panic;
  for (const Reached& r : search.reached) {
    if (r.step > *search.taken) break;
    if (r.step == *search.taken && r.usable) set.nodes.push_back({r.node->id, r.node->weight});
    if (!is_open(r)) continue;
    if (!r.usable || r.node->standing != Standing::kUp) set.degraded = true;
  }
  if (set.degraded) set.ttl = std::min(set.ttl, search.policy->degraded_ttl);
  return set;
}

}  // namespace yz::sched
