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
/// allocate nothing and touch one cache line of the table for most lookups; one writer at a time. Open addressing from
/// the start of a cache line on, eight bytes a slot: 16 bits of the key beside the pointer, so that a wrong entry is
/// seldom followed. Split into shards so that growing moves only a small part at a time; a shard is two thirds to five
/// sixths full, about eleven bytes an entry.
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
  /// What the budget must have room for before `put` finds place where it said there is none.
  [[nodiscard]] std::uint64_t room_to_grow(Hash128 slot) const;
  /// The rules among the next `count` places, wherever the last call ended: all are seen in turn.
  [[nodiscard]] std::vector<Ref<VaryRule>> next_rules(std::size_t count);
  /// Everything in one shard.
  [[nodiscard]] std::vector<Entry> entries(std::size_t shard) const;
  [[nodiscard]] std::size_t shard_count() const { return shards_.size(); }
  [[nodiscard]] std::size_t size() const;

 private:
  struct Table;
  struct Shard {
    std::atomic<Table*> table{nullptr};
    std::atomic<std::size_t> used{0};  ///< entries
    std::size_t taken = 0;             ///< entries and tombstones
  };
  [[nodiscard]] Shard& shard_of(Hash128 slot) { return *shards_[slot.high % shards_.size()]; }
  [[nodiscard]] const Shard& shard_of(Hash128 slot) const { return *shards_[slot.high % shards_.size()]; }
  [[nodiscard]] Put put_word(Hash128 slot, std::uint64_t word);
  [[nodiscard]] bool make_room(Shard& shard);
  [[nodiscard]] bool charge(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  MemoryBudget& budget_;
  // Charged ahead, enough to rebuild any one shard: a full cache has no whole pages for a table.
  std::atomic<std::uint64_t> spare_{0};
  std::atomic<std::uint64_t> spare_wanted_{0};
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t hand_shard_ = 0;  ///< where next_rules goes on
  std::size_t hand_place_ = 0;
};

}  // namespace yz::cache
