#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cache/body.h"
#include "cache/budget.h"
#include "cache/index.h"
#include "cache/object.h"
#include "cache/s3fifo.h"
#include "cache/vary.h"

namespace yz::cache {

/// Hears of objects that are thrown out for room.
class EvictionListener {
 public:
  virtual ~EvictionListener() = default;
  /// `was_used`: asked for again since it was stored. On the thread that needed the room, under no lock of the tier.
  virtual void evicted(const Ref<Object>& object, bool was_used) = 0;
};

/// Objects in memory, within a budget that is never passed: an arena where they lie, the index to find them, S3-FIFO to
/// choose what goes.
/// Finding takes no lock; what changes the content takes one lock for the whole tier. Any thread.
class MemoryTier {
 public:
  explicit MemoryTier(ByteCount memory);
  ~MemoryTier();
  MemoryTier(const MemoryTier&) = delete;
  MemoryTier& operator=(const MemoryTier&) = delete;

  [[nodiscard]] Index::Entry find(Hash128 slot) const { return index_.find(slot); }

  /// Makes its slot hold the object; what was there goes. An object that varies also sets its URL's VaryRule, as
  /// `add_rule` does. False when there is no room even so; then nothing is stored.
  [[nodiscard]] bool put(const Ref<Object>& object);
  /// Notes that the URL varies by `names`; replaces a plain object or another rule. False without room.
  [[nodiscard]] bool add_rule(Hash128 primary, std::string_view names, WallTime since);
  /// The same two for what comes back from disk: whatever is in the slot already is newer and stays.
  [[nodiscard]] bool put_if_absent(const Ref<Object>& object);
  [[nodiscard]] bool add_rule_if_absent(Hash128 primary, std::string_view names, WallTime since);
  /// Takes it out; false when it is not in (any more).
  bool remove(const Object& object);
  bool remove(const VaryRule& rule);
  /// Empties the slot of a URL, its variants included.
  void clear(Hash128 primary);

  /// Evicts until `bytes` could be charged. False when what cannot be evicted (in flight, still being read) is too
  /// much.
  [[nodiscard]] bool make_room(std::uint64_t bytes);
  /// Objects, bodies, pieces of them, and bare memory of the arena, after evicting for it if need be. None when what
  /// cannot be evicted is too much.
  [[nodiscard]] Ref<Object> make_object(const ObjectMeta& meta, const Ref<Body>& body = {});
  /// The body lies with the object when it is small.
  [[nodiscard]] Ref<Object> make_object(const ObjectMeta& meta, std::span<const std::string_view> body);
  [[nodiscard]] Ref<Body> make_body(std::span<const Body::Piece> pieces);
  [[nodiscard]] Ref<Chunk> make_chunk(std::uint32_t capacity);
  [[nodiscard]] void* take(std::size_t size);
  [[nodiscard]] Arena& arena() { return arena_; }
  [[nodiscard]] MemoryBudget& budget() { return budget_; }
  /// Bytes in use: what the budget is charged, less what the arena holds for what comes next.
  [[nodiscard]] std::uint64_t used() const;

  [[nodiscard]] std::size_t shard_count() const { return index_.shard_count(); }
  /// What one shard holds, for a sweep.
  [[nodiscard]] std::vector<Index::Entry> entries(std::size_t shard) const;
  /// Of them those that were asked for again since they were stored.
  [[nodiscard]] std::vector<Ref<Object>> used_objects(std::size_t shard) const;
  /// Before others use the tier, and (null) after.
  void set_listener(EvictionListener* listener) { listener_ = listener; }
  /// Drops a rule none of whose variants is left.
  void drop_empty_rule(const VaryRule& rule);

  struct Counts {
    std::uint64_t objects = 0;
    std::uint64_t small_bytes = 0;
    std::uint64_t main_bytes = 0;
    std::uint64_t stored = 0;
    std::uint64_t evicted = 0;
    std::uint64_t ghost_hits = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  using Graveyard = std::vector<Index::Entry>;
  [[nodiscard]] bool put_locked(const Ref<Object>& object, Graveyard& gone);
  [[nodiscard]] bool add_rule_locked(Hash128 primary, std::string_view names, WallTime since, Hash128 variant,
                                     Graveyard& gone);
  void take_out(Object& object, Graveyard& gone);
  void drop_variant(Hash128 slot, Graveyard& gone);
  void drop_variants(VaryRule& rule, Graveyard& gone);
  void drop_one_variant(VaryRule& rule, Graveyard& gone);
  std::uint64_t evict(std::uint64_t bytes);
  std::uint64_t drop_idle_rules(std::size_t looks, Graveyard& gone);
  template <typename Make>
  [[nodiscard]] auto with_room(std::uint64_t bytes, Make&& make) -> decltype(make());
  void fit_ghost();

  MemoryBudget budget_;
  FileSlab slab_;
  Arena arena_;
  mutable std::mutex mutex_;
  Index index_;
  S3Fifo policy_;
  std::uint64_t ghost_bytes_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t evicted_ = 0;
  EvictionListener* listener_ = nullptr;
};

}  // namespace yz::cache
