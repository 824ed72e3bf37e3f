#include "gslb/world.h"

#include <algorithm>
#include <map>

namespace yz::gslb {
namespace {

/// What of a domain the search looks at besides its policy: which nodes have acknowledged its newest version and which
/// an older one. Equal keys lead to equal decisions.
struct PlanKey {
  model::PolicyId policy;
  bool is_enabled = true;
  std::vector<std::uint8_t> acked;  ///< per node of the view; empty: all have the newest

  friend auto operator<=>(const PlanKey&, const PlanKey&) = default;
};

PlanKey key_of(const sched::SchedView& view, const model::Domain& domain, model::ConfigSeq least_acked) {
  const auto& config = view.config();
  PlanKey key{domain.policy, domain.enabled, {}};
  const model::ConfigSeq wanted = model::effective_seq(config, domain.id);
  if (least_acked >= wanted) return key;
  const model::ConfigSeq own = config.domains.seq_of(domain.id);
  for (const auto& node : view.nodes()) {
    std::uint8_t state = 0;
    if (node.acked >= wanted) {
      state = 2;
    } else if (node.acked >= own || (domain.version > 1 && node.acked)) {
      state = 1;
    }
    key.acked.push_back(state);
  }
  return key;
}

}  // namespace

std::shared_ptr<const World> World::make(std::shared_ptr<const Zones> zones, std::shared_ptr<const ClassMap> map,
                                         std::shared_ptr<const sched::SchedView> view, std::uint64_t generation) {
  auto out = std::make_shared<World>();
  model::ConfigSeq least_acked{~std::uint64_t{0}};
  for (const auto& node : view->nodes()) least_acked = std::min(least_acked, node.acked);
  std::map<PlanKey, std::uint32_t> numbers;
  for (const auto id : zones->services) {
    const model::Domain* const domain = view->config().domains.find(id);
    YZ_ASSERT(domain != nullptr);  // zones and view come from one configuration
    const auto [it, is_new] =
        numbers.try_emplace(key_of(*view, *domain, least_acked), static_cast<std::uint32_t>(out->plans.size()));
    if (is_new) out->plans.push_back({id});
    out->plan_of_service.push_back(it->second);
    out->plan_of_domain[id] = it->second;
  }
  out->generation = generation;
  out->zones = std::move(zones);
  out->map = std::move(map);
  out->view = std::move(view);
  return out;
}

}  // namespace yz::gslb
