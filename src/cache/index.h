#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "cache/budget.h"
#include "cache/object.h"
#include "cache/ref.h"
#include "cache/vary.h"

namespace yz::cache {

/// From a slot number to what is stored there: an Object, or the VaryRule of a URL that varies. Readers take no lock,
/// allocate nothing and touch one cache line of the table for most lookups; one writer at a time. Open addressing,
/// eight bytes a slot: 16 bits of the key beside the pointer, so that a wrong entry is seldom followed. Split into
/// shards so that growing moves only a small part at a time.
class Index {
 public:
  /// What a slot holds: one of the two, or neither.
  struct Entry {
    Ref<Object> object;
    Ref<VaryRule> rule;
    [[nodiscard]] explicit operator bool() const { return object || rule; }
  };
  Index(MemoryBudget& budget, std::size_t shards);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  [[nodiscard]] Entry find(Hash128 slot) const;

  // Writers, one at a time:

  /// Puts `entry` into its slot and gives back what was there before. False when the table would have to grow and the
  /// budget has no room; then nothing changed.
  struct Put {
    bool is_done = false;
    Entry before;
  };
  [[nodiscard]] Put put(Ref<Object> object);
  [[nodiscard]] Put put(Ref<VaryRule> rule);
  /// Empties the slot if it still holds exactly this; gives it back.
  [[nodiscard]] Entry erase(Hash128 slot, const void* expected);
  /// Everything in one shard.
  [[nodiscard]] std::vector<Entry> entries(std::size_t shard) const;
  [[nodiscard]] std::size_t shard_count() const { return shards_.size(); }
  [[nodiscard]] std::size_t size() const;

 private:
  struct Table;
  struct Shard {
    std::atomic<Table*> table{nullptr};
    std::size_t used = 0;   ///< entries
    std::size_t taken = 0;  ///< entries and tombstones
  };
  [[nodiscard]] Shard& shard_of(Hash128 slot) { return *shards_[slot.high % shards_.size()]; }
  [[nodiscard]] const Shard& shard_of(Hash128 slot) const { return *shards_[slot.high % shards_.size()]; }
  [[nodiscard]] Put put_word(Hash128 slot, std::uint64_t word);
  [[nodiscard]] bool make_room(Shard& shard);

  MemoryBudget& budget_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace yz::cache
