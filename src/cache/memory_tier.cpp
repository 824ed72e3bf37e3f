#include "cache/memory_tier.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>
#include <utility>

#include "base/result.h"
#include "cache/epoch.h"

namespace yz::cache {

namespace {

/// To begin with: enough where objects have 64 KB on average.
std::size_t ghost_names(ByteCount memory) { return std::clamp<std::size_t>(memory.value >> 16, 64, 1 << 20); }

/// A shard for each quarter of a MiB, up to 256: a table that grows then never moves more than a small part.
std::size_t shards_for(ByteCount memory) { return std::bit_floor(std::clamp<std::size_t>(memory.value >> 18, 1, 256)); }

}  // namespace

MemoryTier::MemoryTier(ByteCount memory)
    : budget_(memory),
      slab_(memory),
      arena_(budget_, memory),
      index_(budget_, shards_for(memory)),
      policy_(arena_, memory.value, ghost_names(memory)),
      ghost_bytes_(Ghost::bytes_for(policy_.ghost_names())) {
  YZ_ASSERT(budget_.try_charge(ghost_bytes_));
}

MemoryTier::~MemoryTier() {
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t shard = 0; shard < index_.shard_count(); ++shard) {
      for (const Index::Entry& entry : index_.entries(shard)) {
        if (entry.object) policy_.remove(*entry.object);
        (void)index_.erase(entry.object ? entry.object->slot() : entry.rule->primary(),
                           entry.object ? static_cast<const void*>(entry.object.get()) : entry.rule.get());
      }
    }
  }
  Epoch::drain();
}

bool MemoryTier::put(const Ref<Object>& object) {
  fit_ghost();
  const std::uint64_t need = index_.room_to_grow(object->slot()) + VaryRule::size_of(object->vary());
  return with_room(need, [&] {
    Graveyard gone;
    const std::lock_guard lock(mutex_);
    return put_locked(object, gone);
  });
}

bool MemoryTier::put_if_absent(const Ref<Object>& object) {
  fit_ghost();
  bool is_there = false;
  const std::uint64_t need = index_.room_to_grow(object->slot()) + VaryRule::size_of(object->vary());
  const bool is_put = with_room(need, [&] {
    Graveyard gone;
    const std::lock_guard lock(mutex_);
    gone.push_back(index_.find(object->slot()));
    is_there = static_cast<bool>(gone.back());
    return is_there || put_locked(object, gone);
  });
  return is_put && !is_there;
}

bool MemoryTier::put_locked(const Ref<Object>& object, Graveyard& gone) {
  const Hash128 slot = object->slot();
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
  return with_room(index_.room_to_grow(primary) + VaryRule::size_of(names), [&] {
    Graveyard gone;
    const std::lock_guard lock(mutex_);
    return add_rule_locked(primary, names, since, Hash128{}, gone);
  });
}

bool MemoryTier::add_rule_if_absent(Hash128 primary, std::string_view names, WallTime since) {
  bool is_there = false;
  const bool is_added = with_room(index_.room_to_grow(primary) + VaryRule::size_of(names), [&] {
    Graveyard gone;
    const std::lock_guard lock(mutex_);
    gone.push_back(index_.find(primary));
    is_there = static_cast<bool>(gone.back());
    return is_there || add_rule_locked(primary, names, since, Hash128{}, gone);
  });
  return is_added && !is_there;
}

bool MemoryTier::add_rule_locked(Hash128 primary, std::string_view names, WallTime since, Hash128 variant,
                                 Graveyard& gone) {
  Index::Entry now = index_.find(primary);
  if (!now.rule || now.rule->names() != names) {
    Ref<VaryRule> rule = VaryRule::make(arena_, primary, names, since);
    if (!rule) return false;
    now = {{}, rule};
    Index::Put put = index_.put(std::move(rule));
    if (!put.is_done) return false;
    if (put.before.object) policy_.remove(*put.before.object);
    if (put.before.rule) drop_variants(*put.before.rule, gone);
    gone.push_back(std::move(put.before));
  }
  if (variant == Hash128{}) return true;
  if (now.rule->has_variant(variant)) return true;
  if (now.rule->variants().size() >= VaryRule::kMaxVariants) drop_one_variant(*now.rule, gone);
  return now.rule->add_variant(variant);
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
  for (const Hash128 slot : rule.variants()) drop_variant(slot, gone);
  rule.drop_variants();
}

/// Second chance: a variant that was asked for goes to the end with one hit less, so that a flood of made-up variants
/// throws out its own and not those in use.
void MemoryTier::drop_one_variant(VaryRule& rule, Graveyard& gone) {
  const std::span<Hash128> variants = rule.variants();
  for (std::size_t turns = 4 * variants.size(); turns > 0; --turns) {
    const Index::Entry next = index_.find(variants.front());
    if (!next.object || !S3Fifo::take_hit(*next.object)) break;
    std::rotate(variants.begin(), variants.begin() + 1, variants.end());
  }
  const Hash128 least = variants.front();
  drop_variant(least, gone);
  rule.drop_variant(least);
}

void MemoryTier::take_out(Object& object, Graveyard& gone) {
  policy_.remove(object);
  const Hash128 slot = object.slot();
  Index::Entry held = index_.erase(slot, &object);
  if (held) gone.push_back(std::move(held));
  if (object.vary().empty()) return;
  const Index::Entry at_primary = index_.find(object.key().primary);
  if (!at_primary.rule) return;
  at_primary.rule->drop_variant(slot);
  if (at_primary.rule->variants().empty()) {
    gone.push_back(index_.erase(object.key().primary, at_primary.rule.get()));
  }
}

bool MemoryTier::remove(const Object& object) {
  Graveyard gone;
  const std::lock_guard lock(mutex_);
  const Index::Entry there = index_.find(object.slot());
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
  const Index::Entry there = index_.find(rule.primary());
  if (there.rule.get() != &rule) return;
  const auto is_gone = [this](Hash128 slot) { return !index_.find(slot); };
  for (std::size_t i = there.rule->variants().size(); i-- > 0;) {
    const Hash128 slot = there.rule->variants()[i];
    if (is_gone(slot)) there.rule->drop_variant(slot);
  }
  if (there.rule->variants().empty()) gone.push_back(index_.erase(rule.primary(), &rule));
}

/// Rules go with their last variant; one that never got any (its response broke off, or did not come back from disk)
/// goes when it is met without for the second time. A few are looked at for each object that is evicted.
std::uint64_t MemoryTier::drop_idle_rules(std::size_t looks, Graveyard& gone) {
  std::uint64_t freed = 0;
  for (Ref<VaryRule>& rule : index_.next_rules(looks)) {
    const bool is_empty = rule->variants().empty();
    if (is_empty && rule->was_empty_) {
      gone.push_back(index_.erase(rule->primary(), rule.get()));
      freed += VaryRule::size_of(rule->names());
    }
    rule->was_empty_ = is_empty;
    gone.push_back({{}, std::move(rule)});
  }
  return freed;
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
    // Each object that varies has a rule, and seldom one of its own: more of them are of no use.
    const bool is_crowded = index_.size() > 2 * policy_.count();
    freed += drop_idle_rules(is_crowded ? 2048 : 32, gone);
    while (freed < bytes) {
      const S3Fifo::Victim victim = policy_.pick_victim();
      if (victim.object == nullptr) {
        freed += drop_idle_rules(4096, gone);
        break;
      }
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

/// Calls `make` until it gives something, evicting `bytes` in between; gives up when that is of no use.
template <typename Make>
auto MemoryTier::with_room(std::uint64_t bytes, Make&& make) -> decltype(make()) {
  // A reader that is just looking delays the freeing of what was evicted by a moment: a few rounds, then it is taken
  // for held. What is written to disk first is held longer: as much as may wait for that is evicted, in steps that
  // grow.
  std::uint64_t evicted = 0;
  for (int round = 0; round < 64 || evicted < budget_.limit() / 8; ++round) {
    if (auto made = make()) return made;
    if (bytes > budget_.limit()) return {};
    // Large bodies and tables need whole pages, which holes of the arena may have.
    if (budget_.is_short_of(bytes) && arena_.trim(bytes) > 0) {
      if (auto made = make()) return made;
    }
    const std::uint64_t freed = evict(std::max<std::uint64_t>(bytes, evicted / 16 + 1));
    evicted += freed;
    Epoch::collect();
    if (freed == 0) std::this_thread::yield();
    if (freed == 0 && round > 8) return {};
  }
  return {};
}

bool MemoryTier::make_room(std::uint64_t bytes) {
  return with_room(bytes, [&] { return !budget_.is_short_of(bytes); });
}

Ref<Object> MemoryTier::make_object(const ObjectMeta& meta, const Ref<Body>& body) {
  if (!Object::can_hold(meta)) return {};
  return with_room(sizeof(Object) + meta.head_before_age.size(), [&] { return Object::make(arena_, meta, body); });
}

Ref<Object> MemoryTier::make_object(const ObjectMeta& meta, std::span<const std::string_view> body) {
  std::uint64_t size = 0;
  for (const std::string_view run : body) size += run.size();
  if (size <= Object::kMaxInline) {
    if (!Object::can_hold(meta)) return {};
    return with_room(sizeof(Object) + meta.head_before_age.size() + size,
                     [&] { return Object::make(arena_, meta, body); });
  }
  std::vector<Body::Piece> pieces;
  for (std::string_view rest : body) {
    while (!rest.empty()) {
      const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(rest.size(), Chunk::kMaxCapacity));
      Ref<Chunk> chunk = make_chunk(part);
      if (!chunk) return {};
      std::memcpy(chunk->data(), rest.data(), part);
      pieces.push_back({std::move(chunk), part});
      rest.remove_prefix(part);
    }
  }
  const Ref<Body> whole = make_body(pieces);
  return whole ? make_object(meta, whole) : Ref<Object>{};
}

Ref<Body> MemoryTier::make_body(std::span<const Body::Piece> pieces) {
  return with_room(sizeof(Body) + pieces.size_bytes(), [&] { return Body::make(arena_, pieces); });
}

Ref<Chunk> MemoryTier::make_chunk(std::uint32_t capacity) {
  return with_room(Chunk::charge_of(capacity), [&] { return Chunk::make(arena_, capacity, &slab_); });
}

void* MemoryTier::take(std::size_t size) {
  return with_room(size, [&] { return arena_.take(size); });
}

/// As many names as objects, so that what was thrown out is known for as long as what is kept stays.
void MemoryTier::fit_ghost() {
  std::size_t names = 0;
  {
    const std::lock_guard lock(mutex_);
    if (policy_.count() <= policy_.ghost_names()) return;
    names = policy_.count() * 3 / 2;
  }
  const std::uint64_t bytes = Ghost::bytes_for(names);
  if (!with_room(bytes, [&] { return budget_.try_charge(bytes); })) return;
  std::uint64_t unused = bytes;
  {
    const std::lock_guard lock(mutex_);
    if (policy_.ghost_names() < names) {
      policy_.set_ghost_names(names);
      unused = std::exchange(ghost_bytes_, bytes);
    }
  }
  budget_.release(unused);
}

std::uint64_t MemoryTier::used() const {
  const Arena::Usage arena = arena_.usage();
  return budget_.used() - std::min(budget_.used(), arena.held - arena.taken);
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
