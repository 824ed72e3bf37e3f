#include "cache/vary.h"

#include "cache/epoch.h"

namespace yz::cache {

namespace {

constexpr std::uint64_t charge_of(std::string_view names) {
  return sizeof(VaryRule) + names.size() + VaryRule::kMaxVariants * sizeof(Hash128) + 48;
}

}  // namespace

Ref<VaryRule> VaryRule::make(MemoryBudget& budget, Hash128 primary, std::string_view names, WallTime since) {
  if (!budget.try_charge(charge_of(names))) return {};
  return Ref<VaryRule>::adopt(new VaryRule(budget, primary, names, since));
}

VaryRule::~VaryRule() { budget_.release(charge_of(names_)); }

bool VaryRule::try_acquire() {
  std::uint32_t count = references_.load(std::memory_order_relaxed);
  while (count != 0) {
    if (references_.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
  }
  return false;
}

void VaryRule::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) Epoch::retire(this, &VaryRule::destroy);
}

void VaryRule::destroy(void* rule) { delete static_cast<VaryRule*>(rule); }

}  // namespace yz::cache
