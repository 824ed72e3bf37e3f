#include "gslb/scheduler.h"

#include <algorithm>

namespace yz::gslb {

const World* Scheduler::refresh() {
  const std::uint64_t latest = source_.generation();
  if (world_ != nullptr && world_->generation == latest) return world_.get();
  if (latest == 0) return nullptr;
  world_ = source_.current();
  table_of_.clear();
  tables_.clear();
  return world_.get();
}

Place Scheduler::locate(const World& world, const IpAddress& resolver, const std::optional<dns::ClientSubnet>& subnet) {
  const IpAddress asking = resolver.unmapped();
  const auto by_resolver = [&](std::uint8_t scope) { return Place{world.map->find(asking).id, asking, scope}; };
  if (!subnet || subnet->subnet.length == 0) return by_resolver(0);
  const auto found = world.map->find(subnet->subnet);
  if (found.is_private) return by_resolver(found.length);
  const Place by_subnet{found.id, subnet->subnet.address, found.length};
  if (world.map->client_class(found.id) != sched::ClientClass{}) return by_subnet;
  const Place fallback = by_resolver(found.length);
  return world.map->client_class(fallback.id) != sched::ClientClass{} ? fallback : by_subnet;
}

Scheduler::Table* Scheduler::table_of(std::uint32_t plan, ClassId id) {
  const std::uint64_t key = std::uint64_t{plan} << 16 | id.value;
  const auto [it, is_new] = table_of_.try_emplace(key, nullptr);
  if (!is_new) return it->second;
  auto set = sched::select(*world_->view, world_->plans[plan].representative, world_->map->client_class(id));
  const auto same = std::find_if(tables_.begin(), tables_.end(), [&](const auto& table) { return table->set == set; });
  if (same != tables_.end()) return it->second = same->get();
  tables_.push_back(std::make_unique<Table>());
  tables_.back()->set = std::move(set);
  return it->second = tables_.back().get();
}

Answer Scheduler::render(const Table& table, std::size_t slot) const {
  Answer out;
  out.nodes = sched::rank_slot(table.set.nodes, slot, table.set.answers);
  // One address of each node first, their further ones while there is room.
  const std::size_t most = std::min<std::size_t>(table.set.answers, sched::kMaxAnswers);
  const auto add_family = [&](IpFamily family, std::array<IpAddress, sched::kMaxAnswers>& into, std::uint8_t& count) {
    for (std::size_t round = 0; count < most; ++round) {
      bool has_more = false;
      for (const auto id : out.nodes.view()) {
        const auto* node = world_->view->find_node(id);
        std::size_t seen = 0;
        for (const auto& address : node->config->addresses) {
          if (address.family() != family || seen++ != round) continue;
          if (count < most) into[count++] = address;
          has_more = true;
        }
      }
      if (!has_more) return;
    }
  };
  add_family(IpFamily::kV4, out.v4, out.v4_count);
  add_family(IpFamily::kV6, out.v6, out.v6_count);
  return out;
}

Choice Scheduler::choose(std::uint32_t plan, model::DomainId domain, const Place& place) {
  Table* const table = table_of(plan, place.id);
  if (table->set.unanswered != sched::Unanswered::kNo) return {};
  const std::size_t slot = sched::SlotTable::slot_of(sched::salt_of(domain, place.salt_address));
  auto& row = table->rows[slot];
  if (row == nullptr) row = std::make_unique<Answer>(render(*table, slot));
  return {row.get(), static_cast<std::uint32_t>(table->set.ttl.count())};
}

}  // namespace yz::gslb
