#include "cache/vary.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "cache/epoch.h"

namespace yz::cache {

Ref<VaryRule> VaryRule::make(Arena& arena, Hash128 primary, std::string_view names, WallTime since) {
  void* const memory = arena.take(size_of(names));
  if (memory == nullptr) return {};
  return Ref<VaryRule>::adopt(new (memory) VaryRule(arena, primary, names, since));
}

VaryRule::VaryRule(Arena& arena, Hash128 primary, std::string_view names, WallTime since)
    : names_size_(static_cast<std::uint32_t>(names.size())),
      arena_(arena),
      primary_(primary),
      since_(std::chrono::floor<std::chrono::milliseconds>(since)) {
  std::memcpy(reinterpret_cast<char*>(this + 1), names.data(), names.size());
}

VaryRule::~VaryRule() {
  if (variants_ != nullptr) arena_.give_back(variants_);
}

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

void VaryRule::destroy(void* memory) {
  auto* const rule = static_cast<VaryRule*>(memory);
  Arena& arena = rule->arena_;
  rule->~VaryRule();
  arena.give_back(memory);
}

bool VaryRule::has_variant(Hash128 slot) const {
  return std::find(variants_, variants_ + count_, slot) != variants_ + count_;
}

bool VaryRule::add_variant(Hash128 slot) {
  if (count_ == capacity_) {
    const std::uint32_t more = std::max(2U, 2 * capacity_);
    auto* const longer = static_cast<Hash128*>(arena_.take(more * sizeof(Hash128)));
    if (longer == nullptr) return false;
    std::uninitialized_copy(variants_, variants_ + count_, longer);
    if (variants_ != nullptr) arena_.give_back(variants_);
    variants_ = longer;
    capacity_ = more;
  }
  new (variants_ + count_++) Hash128(slot);
  return true;
}

void VaryRule::drop_variant(Hash128 slot) {
  count_ = static_cast<std::uint32_t>(std::remove(variants_, variants_ + count_, slot) - variants_);
}

}  // namespace yz::cache
