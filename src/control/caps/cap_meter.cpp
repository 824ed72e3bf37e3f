#include "control/caps/cap_meter.h"

#include <algorithm>

namespace yz::control {

void CapMeter::Sum::move_to(std::int64_t now) {
  if (now <= second) return;
  const auto steps = std::min<std::int64_t>(now - second, static_cast<std::int64_t>(slots.size()));
  std::shift_left(slots.begin(), slots.end(), steps);
  std::fill(slots.end() - steps, slots.end(), 0);
  second = now;
}

void CapMeter::Sum::add(std::int64_t now, std::uint64_t more, bool is_recent) {
  move_to(now);
  bytes += more;
  if (is_recent) slots.back() += more;
}

std::int64_t CapMeter::now() const {
  return std::chrono::floor<std::chrono::seconds>(clock_.mono().time_since_epoch()).count();
}

void CapMeter::add(std::span<const store::CountedBatch> batches, const store::UsageOwners& owners) {
  const WallTime oldest = clock_.wall() - kRecent;
  const std::lock_guard lock(mutex_);
  for (const store::CountedBatch& counted : batches) {
    const bool is_recent = counted.batch->covers_until >= oldest;
    for (const model::UsageRecord& record : counted.batch->records) {
      const auto owner = owners.find(record.key.domain);
      if (owner == owners.end() || record.key.tier != model::Tier::kL1) continue;
      domain_[record.key.domain].add(now(), record.counts.bytes_out, is_recent);
      tenant_[owner->second].add(now(), record.counts.bytes_out, is_recent);
    }
  }
}

/// The second under way is added to the whole ones before it, so that a burst shows at once and is never overstated.
template <typename Id>
CapMeter::Reading CapMeter::read(const std::map<Id, Sum>& sums, Id id) const {
  const std::lock_guard lock(mutex_);
  const auto it = sums.find(id);
  if (it == sums.end()) return {};
  Sum sum = it->second;
  sum.move_to(now());
  std::uint64_t recent = 0;
  for (const std::uint64_t bytes : sum.slots) recent += bytes;
  return {.bytes = sum.bytes, .bits_per_second = recent * 8 / sum.slots.size()};
}

template CapMeter::Reading CapMeter::read(const std::map<model::DomainId, Sum>&, model::DomainId) const;
template CapMeter::Reading CapMeter::read(const std::map<model::TenantId, Sum>&, model::TenantId) const;

}  // namespace yz::control
