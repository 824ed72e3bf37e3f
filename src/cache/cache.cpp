#include "cache/cache.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cache/epoch.h"
#include "cache/fill_table.h"
#include "cache/invalidation_marks.h"
#include "cache/memory_tier.h"
#include "cache/pass_table.h"
#include "metrics/registry.h"

namespace yz::cache {

Result<std::unique_ptr<Cache>> Cache::open(CacheOptions options) {
  if (options.memory < mib(1)) return fail(Code::kInvalid, "the cache needs at least 1 MiB of memory");
  if (!Arena::is_possible(options.memory)) {
    return fail(Code::kInvalid, "the system has no addresses for a cache of that size");
  }
  if (options.max_object.value == 0) options.max_object = {options.memory.value / 8};
  options.max_object = std::min(options.max_object, ByteCount{options.memory.value / 2});
  YZ_TRY(auto purges, PurgeLog::open(options.purge));
  std::unique_ptr<Cache> cache(new Cache(std::move(options)));
  cache->purges_ = std::move(purges);
  if (!cache->options_.disk.places.empty()) {
    YZ_TRY(cache->disk_, DiskTier::open(cache->options_.disk, *cache->tier_, *cache->purges_));
  }
  return cache;
}

Cache::Cache(CacheOptions options)
    : options_(std::move(options)),
      tier_(std::make_unique<MemoryTier>(options_.memory)),
      fills_(std::make_unique<FillTable>()),
      passes_(std::make_unique<PassTable>()),
      invalidations_(std::make_unique<InvalidationMarks>()) {}

Cache::~Cache() = default;

Lookup Cache::find_primary(Hash128 primary) {
  Lookup found;
  found.key.primary = primary;
  Index::Entry entry = tier_->find(primary);
  found.rule = std::move(entry.rule);
  if (entry.object) take_if_alive(found, std::move(entry.object));
  return found;
}

void Cache::find_variant(Lookup& found) {
  Index::Entry entry = tier_->find(found.key.slot());
  if (entry.object) take_if_alive(found, std::move(entry.object));
}

void Cache::take_if_alive(Lookup& found, Ref<Object> object) {
  if (purges_->verdict(*object) == PurgeVerdict::kDead) [[unlikely]] {
    drop_dead(object);
    return;
  }
  S3Fifo::touch(*object);
  found.object = std::move(object);
}

void Cache::drop_dead(const Ref<Object>& object) {
  if (tier_->remove(*object)) purged_.fetch_add(1, std::memory_order_relaxed);
}

Joined Cache::join(const CacheKey& key, BaseId base, std::string_view host, std::string_view target, MonoTime now,
                   const Object* seen) {
  const Hash128 slot = key.slot();
  if (passes_->contains(slot, now)) {
    Joined pass;
    pass.is_pass = true;
    return pass;
  }
  Ref<Fill> gone;  // dropped after the table's lock
  return fills_->with(slot, [&](Ref<Fill>& there) {
    Joined joined;
    if (there && there->is_join_possible(now)) {
      joined.follow = there;
      return joined;
    }
    Index::Entry entry = tier_->find(slot);
    if (entry.object && entry.object.get() != seen && purges_->verdict(*entry.object) == PurgeVerdict::kLive) {
      joined.arrived = std::move(entry.object);
      return joined;
    }
    gone = std::move(there);
    there = Fill::make(*this, key, base, moment(key.primary), host, target, now);
    if (there) {
      joined.lead = FillWriter(there);
    } else {
      joined.is_pass = true;
    }
    return joined;
  });
}

Moment Cache::moment(Hash128 primary) const { return {purges_->latest(), invalidations_->at(primary)}; }

FillWriter Cache::begin_store(const CacheKey& key, BaseId base, std::string_view host, std::string_view target,
                              MonoTime now, const Moment& asked) {
  const Hash128 slot = key.slot();
  passes_->remove(slot);
  Ref<Fill> gone;  // dropped after the table's lock
  return fills_->with(slot, [&](Ref<Fill>& there) {
    if (there && there->is_join_possible(now)) return FillWriter();
    gone = std::move(there);
    there = Fill::make(*this, key, base, asked, host, target, now);
    return there ? FillWriter(there) : FillWriter();
  });
}

void Cache::pass_until(Hash128 slot, MonoTime until) { passes_->add(slot, until); }

void Cache::forget_pass(Hash128 slot) { passes_->remove(slot); }

bool Cache::keep(const Ref<Object>& object) {
  if (purges_->verdict(*object) == PurgeVerdict::kDead) return false;
  if (disk_) {
    // What is there is older. An object that was worth writing is written again.
    const bool was_on_disk = disk_->holds(object->slot());
    disk_->forget(object->slot());
    if (!object->vary().empty()) forget_rule_unless(object->key().primary, object->vary());
    if (was_on_disk) disk_->write(object);
  }
  return tier_->put(object);
}

Ref<Object> Cache::make_refreshed(const Object& old, const ObjectMeta& meta) {
  if (const Ref<Body> shared = old.share_body()) return tier_->make_object(meta, shared);
  const std::string_view body = old.body().piece(0);
  return tier_->make_object(meta, std::span(&body, 1));
}

Ref<Object> Cache::make_head(const ObjectMeta& meta) { return tier_->make_object(meta); }

Ref<Object> Cache::store(const ObjectMeta& meta, std::string_view body) {
  Ref<Object> object;
  if (body.size() <= options_.max_object.value) object = tier_->make_object(meta, std::span(&body, 1));
  if (object && keep(object)) return object;
  refused_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

/// A rule of other names takes the place of what is on disk for the URL.
void Cache::forget_rule_unless(Hash128 primary, std::string_view names) {
  const Ref<VaryRule> rule = tier_->find(primary).rule;
  if (disk_ && (!rule || rule->names() != names)) disk_->forget(primary);
}

void Cache::remove(const Object& object) {
  if (disk_) disk_->forget(object.slot());
  tier_->remove(object);
}

io::Task<bool> Cache::recall(CacheKey key) {
  if (!disk_) co_return false;
  co_return co_await disk_->recall(key.slot());
}

void Cache::start_recall(CacheKey key) {
  if (disk_ && !tier_->find(key.slot()) && disk_->holds(key.slot())) disk_->start_recall(key.slot());
}

void Cache::write_behind() {
  if (!disk_) return;
  const std::unique_lock lock(sweep_mutex_, std::try_to_lock);
  if (!lock) return;
  for (const Ref<Object>& object : tier_->used_objects(behind_shard_)) disk_->evicted(object, true);
  behind_shard_ = (behind_shard_ + 1) % tier_->shard_count();
}

void Cache::save(std::chrono::milliseconds most) {
  if (!disk_) return;
  const std::lock_guard lock(sweep_mutex_);
  const MonoTime deadline = SystemClock::instance().mono() + most;
  for (std::size_t i = 0; i < tier_->shard_count() && SystemClock::instance().mono() < deadline; ++i) {
    for (const Ref<Object>& object : tier_->used_objects(i)) disk_->evicted(object, true);
    disk_->flush();  // so that the queue never overflows
  }
}

void Cache::invalidate(Hash128 primary) {
  invalidations_->raise(primary);  // first: what is stored after the clearing sees it
  if (disk_) disk_->forget(primary);
  tier_->clear(primary);
}

bool Cache::sweep() {
  const std::unique_lock lock(sweep_mutex_, std::try_to_lock);
  if (!lock) return false;
  const std::uint64_t latest = purges_->latest().value;
  if (sweep_shard_ == 0) {
    if (swept_to_ == latest) return false;
    sweep_until_ = latest;
  }
  for (const Index::Entry& entry : tier_->entries(sweep_shard_)) {
    if (entry.object && purges_->verdict(*entry.object) == PurgeVerdict::kDead) drop_dead(entry.object);
    if (entry.rule) tier_->drop_empty_rule(*entry.rule);
  }
  if (++sweep_shard_ < tier_->shard_count()) return true;
  sweep_shard_ = 0;
  swept_to_ = sweep_until_;
  return swept_to_ != purges_->latest().value;
}

CacheStats Cache::stats() const {
  const MemoryTier::Counts counts = tier_->counts();
  CacheStats stats;
  stats.memory_used = tier_->used();
  stats.memory_limit = tier_->budget().limit();
  stats.objects = counts.objects;
  stats.small_bytes = counts.small_bytes;
  stats.main_bytes = counts.main_bytes;
  stats.stored = counts.stored;
  stats.evicted = counts.evicted;
  stats.ghost_hits = counts.ghost_hits;
  stats.purged = purged_.load(std::memory_order_relaxed);
  stats.refused = refused_.load(std::memory_order_relaxed);
  stats.fills = fills_->size();
  return stats;
}

void Cache::expose(metrics::Registry& registry) {
  struct Item {
    const char* name;
    const char* help;
    std::uint64_t CacheStats::* field;
  };
  constexpr Item kGauges[] = {
      {"yz_cache_memory_used_bytes", "Memory the cache uses, all included.", &CacheStats::memory_used},
      {"yz_cache_memory_limit_bytes", "The hard limit on it.", &CacheStats::memory_limit},
      {"yz_cache_objects", "Objects stored.", &CacheStats::objects},
      {"yz_cache_small_queue_bytes", "Bytes in the queue for new objects.", &CacheStats::small_bytes},
      {"yz_cache_main_queue_bytes", "Bytes in the main queue.", &CacheStats::main_bytes},
      {"yz_cache_fills", "Responses on their way in that can be joined.", &CacheStats::fills},
  };
  constexpr Item kCounters[] = {
      {"yz_cache_stored_total", "Objects stored so far.", &CacheStats::stored},
      {"yz_cache_evicted_total", "Objects thrown out for room.", &CacheStats::evicted},
      {"yz_cache_purged_total", "Objects thrown out because a purge hit them.", &CacheStats::purged},
      {"yz_cache_refused_total", "Complete responses that were not kept.", &CacheStats::refused},
      {"yz_cache_ghost_hits_total", "Objects stored again soon after they were thrown out.", &CacheStats::ghost_hits},
  };
  for (const Item& item : kGauges) {
    registry.gauge_from(item.name, item.help, {},
                        [this, field = item.field] { return static_cast<double>(stats().*field); });
  }
  for (const Item& item : kCounters) {
    registry.counter_from(item.name, item.help, {},
                          [this, field = item.field] { return static_cast<double>(stats().*field); });
  }
  if (disk_) disk_->expose(registry);
  registry.gauge_from("yz_cache_purge_sequence", "Number of the last purge that is applied and durable.", {},
                      [this] { return static_cast<double>(purges_->applied().value); });
}

}  // namespace yz::cache
