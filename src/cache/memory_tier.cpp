#include "cache/memory_tier.h"

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "base/result.h"
#include "cache/epoch.h"

namespace yz::cache {

namespace {

/// About one name per 8 KiB of memory: 0.1 % of it.
std::size_t ghost_names(ByteCount memory) { return std::clamp<std::size_t>(memory.value / 8192, 64, 1 << 22); }

/// A shard for each MiB, up to 256: a table that grows then never moves more than a small part.
std::size_t shards_for(ByteCount memory) { return std::bit_floor(std::clamp<std::size_t>(memory.value >> 20, 1, 256)); }

}  // namespace

MemoryTier::MemoryTier(ByteCount memory)
    : budget_(memory),
      slab_(memory),
      index_(budget_, shards_for(memory)),
      policy_(memory.value, ghost_names(memory)),
      ghost_bytes_(Ghost::bytes_for(ghost_names(memory))) {
  YZ_ASSERT(budget_.try_charge(ghost_bytes_));
}

MemoryTier::~MemoryTier() {
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t shard = 0; shard < index_.shard_count(); ++shard) {
      for (const Index::Entry& entry : index_.entries(shard)) {
        if (entry.object) policy_.remove(*entry.object);
        (void)index_.erase(entry.object ? entry.object->key().slot() : entry.rule->primary(),
                           entry.object ? static_cast<const void*>(entry.object.get()) : entry.rule.get());
      }
    }
  }
  Epoch::drain();
}

bool MemoryTier::put(const Ref<Object>& object) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  return put_locked(object, gone);
}

bool MemoryTier::put_if_absent(const Ref<Object>& object) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  gone.push_back(index_.find(object->key().slot()));
  return !gone.back() && put_locked(object, gone);
}

bool MemoryTier::put_locked(const Ref<Object>& object, Graveyard& gone) {
  const Hash128 slot = object->key().slot();
  if (!object->vary().empty()) {
    if (!add_rule_locked(object->key().primary, object->vary(), object->response_time(), slot, gone)) return false;
  }
  Index::Put put = index_.put(Ref<Object>(object));
  if (!put.is_done) return false;
  if (put.before.object) policy_.remove(*put.before.object);
  gone.push_back(std::move(put.before));
  policy_.insert(*object);
  ++stored_;
  return true;
}

bool MemoryTier::add_rule(Hash128 primary, std::string_view names, WallTime since) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  return add_rule_locked(primary, names, since, Hash128{}, gone);
}

bool MemoryTier::add_rule_if_absent(Hash128 primary, std::string_view names, WallTime since) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  gone.push_back(index_.find(primary));
  return !gone.back() && add_rule_locked(primary, names, since, Hash128{}, gone);
}

bool MemoryTier::add_rule_locked(Hash128 primary, std::string_view names, WallTime since, Hash128 variant,
                                 Graveyard& gone) {
  Index::Entry now = index_.find(primary);
  if (!now.rule || now.rule->names() != names) {
    Ref<VaryRule> rule = VaryRule::make(budget_, primary, names, since);
    if (!rule) return false;
    now = {{}, rule};
    Index::Put put = index_.put(std::move(rule));
    if (!put.is_done) return false;
    if (put.before.object) policy_.remove(*put.before.object);
    if (put.before.rule) drop_variants(*put.before.rule, gone);
    gone.push_back(std::move(put.before));
  }
  if (variant == Hash128{}) return true;
  auto& variants = now.rule->variants_;
  if (std::find(variants.begin(), variants.end(), variant) != variants.end()) return true;
  if (variants.size() >= VaryRule::kMaxVariants) drop_one_variant(*now.rule, gone);
  variants.push_back(variant);
  return true;
}

/// Takes a variant out of queue and index, its rule untouched.
void MemoryTier::drop_variant(Hash128 slot, Graveyard& gone) {
  Index::Entry held = index_.find(slot);
  if (!held.object) return;
  policy_.remove(*held.object);
  gone.push_back(index_.erase(slot, held.object.get()));
  gone.push_back(std::move(held));
}

/// A variant left in the index would come back with the next rule of the same names.
void MemoryTier::drop_variants(VaryRule& rule, Graveyard& gone) {
  for (const Hash128 slot : std::exchange(rule.variants_, {})) drop_variant(slot, gone);
}

/// Second chance: a variant that was asked for goes to the end with one hit less, so that a flood of made-up variants
/// throws out its own and not those in use.
void MemoryTier::drop_one_variant(VaryRule& rule, Graveyard& gone) {
  auto& variants = rule.variants_;
  for (std::size_t turns = 4 * variants.size(); turns > 0; --turns) {
    const Index::Entry next = index_.find(variants.front());
    if (!next.object || !S3Fifo::take_hit(*next.object)) break;
    std::rotate(variants.begin(), variants.begin() + 1, variants.end());
  }
  drop_variant(variants.front(), gone);
  variants.erase(variants.begin());
}

void MemoryTier::take_out(Object& object, Graveyard& gone) {
  policy_.remove(object);
  const Hash128 slot = object.key().slot();
  Index::Entry held = index_.erase(slot, &object);
  if (held) gone.push_back(std::move(held));
  if (object.vary().empty()) return;
  const Index::Entry at_primary = index_.find(object.key().primary);
  if (!at_primary.rule) return;
  std::erase(at_primary.rule->variants_, slot);
  if (at_primary.rule->variants_.empty()) {
    gone.push_back(index_.erase(object.key().primary, at_primary.rule.get()));
  }
}

bool MemoryTier::remove(const Object& object) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  const Index::Entry there = index_.find(object.key().slot());
  if (there.object.get() != &object) return false;
  take_out(*there.object, gone);
  return true;
}

bool MemoryTier::remove(const VaryRule& rule) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  gone.push_back(index_.find(rule.primary()));
  if (gone.back().rule.get() != &rule) return false;
  drop_variants(*gone.back().rule, gone);
  gone.push_back(index_.erase(rule.primary(), &rule));
  return true;
}

void MemoryTier::clear(Hash128 primary) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  Index::Entry there = index_.find(primary);
  if (there.object) take_out(*there.object, gone);
  if (there.rule) {
    drop_variants(*there.rule, gone);
    gone.push_back(index_.erase(primary, there.rule.get()));
  }
  gone.push_back(std::move(there));
}

void MemoryTier::drop_empty_rule(const VaryRule& rule) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  std::erase_if(const_cast<VaryRule&>(rule).variants_, [this](Hash128 slot) { return !index_.find(slot); });
  if (rule.variants_.empty()) gone.push_back(index_.erase(rule.primary(), &rule));
}

std::uint64_t MemoryTier::evict(std::uint64_t bytes) {
  struct Evicted {
    Ref<Object> object;
    bool was_used;
  };
  std::vector<Evicted> told;
  std::uint64_t freed = 0;
  {
    Graveyard gone;
    const std::lock_guard lock(mutex_);
    while (freed < bytes) {
      const S3Fifo::Victim victim = policy_.pick_victim();
      if (victim.object == nullptr) break;
      freed += victim.object->weight();
      Ref<Object> alive = Ref<Object>::share(victim.object);
      take_out(*victim.object, gone);
      ++evicted_;
      if (listener_ != nullptr) told.push_back({std::move(alive), victim.was_used});
    }
  }
  for (const Evicted& one : told) listener_->evicted(one.object, one.was_used);
  return freed;
}

bool MemoryTier::make_room(std::uint64_t bytes) {
  // A reader that is just looking delays the freeing of what was evicted by a moment: a few rounds, then it is taken
  // for held. What is written to disk first is held longer: as much as may wait for that is evicted, in steps that
  // grow.
  std::uint64_t evicted = 0;
  for (int round = 0; round < 64 || evicted < budget_.limit() / 8; ++round) {
    if (!budget_.is_short_of(bytes)) return true;
    if (bytes > budget_.limit()) return false;
    const std::uint64_t missing = budget_.used() + bytes - std::min(budget_.limit(), budget_.used() + bytes);
    const std::uint64_t freed = evict(std::max<std::uint64_t>(missing, evicted / 16 + 1));
    evicted += freed;
    Epoch::collect();
    if (!budget_.is_short_of(bytes)) return true;
    if (freed == 0) std::this_thread::yield();
    if (freed == 0 && round > 8) return false;
  }
  return false;
}

Ref<Chunk> MemoryTier::make_chunk(std::uint32_t capacity) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (Ref<Chunk> chunk = Chunk::make(budget_, capacity, &slab_)) return chunk;
    if (!make_room(Chunk::charge_of(capacity))) return {};
  }
  return {};
}

std::vector<Index::Entry> MemoryTier::entries(std::size_t shard) const {
  const std::lock_guard lock(mutex_);
  return index_.entries(shard);
}

std::vector<Ref<Object>> MemoryTier::used_objects(std::size_t shard) const {
  std::vector<Ref<Object>> used;
  std::vector<Index::Entry> all;  // dropped after the lock
  const std::lock_guard lock(mutex_);
  all = index_.entries(shard);
  for (const Index::Entry& entry : all) {
    if (entry.object && S3Fifo::was_used(*entry.object)) used.push_back(entry.object);
  }
  return used;
}

MemoryTier::Counts MemoryTier::counts() const {
  const std::lock_guard lock(mutex_);
  return {policy_.count(), policy_.small_bytes(), policy_.main_bytes(), stored_, evicted_, policy_.ghost_hits()};
}

}  // namespace yz::cache
