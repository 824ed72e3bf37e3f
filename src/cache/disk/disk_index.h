#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/hash.h"
#include "cache/budget.h"

namespace yz::cache {

/// Where each record of one device lies, in at most 11 bytes a record once there are a few thousand. 64-byte buckets of
/// seven 8-byte slots,
///     tag 20 | hits 2 | size class 6 | place 36 (in units of 64 bytes: 4 TiB),
/// chained so that all but a chain's first bucket are full; the chains grow one by one (linear hashing, Litwin 1980),
/// which needs bits of the key: they are taken from the tag, which is why it is wide. Made from pages taken from the
/// budget as they are needed. Keys are not kept: a slot that looks right may belong to another key, so what is read
/// must say whose it is; of two keys that look the same, the one put last stays.
///
/// Any thread; a lock for each sixteenth. It is asked on memory misses only.
class DiskIndex {
 public:
  static constexpr std::uint64_t kUnit = 64;
  static constexpr std::uint64_t kMaxDevice = (1ULL << 36) * kUnit;
  static constexpr std::uint8_t kMaxHits = 3;
  struct Place {
    std::uint64_t unit = 0;  ///< offset on the device in kUnit
    std::uint32_t size = 0;  ///< of the record in bytes, rounded up by at most a quarter
    std::uint8_t hits = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  /// For a device of `device` bytes. Memory is charged to `budget`.
  DiskIndex(MemoryBudget& budget, std::uint64_t device);
  ~DiskIndex();
  DiskIndex(const DiskIndex&) = delete;
  DiskIndex& operator=(const DiskIndex&) = delete;

  [[nodiscard]] std::optional<Place> find(Hash128 slot) const;
  /// The same, counting a hit.
  std::optional<Place> touch(Hash128 slot);
  /// Replaces what looks the same. False when the budget has no room; then nothing changed.
  [[nodiscard]] bool put(Hash128 slot, std::uint64_t unit, std::uint32_t size);
  /// Puts only if the slot still lies at `from`.
  bool move(Hash128 slot, std::uint64_t from, std::uint64_t to);
  bool erase(Hash128 slot);
  /// Erases only if it still lies there.
  bool erase_at(Hash128 slot, std::uint64_t unit);
  /// Erases all that lies in [from, to). Looks at everything.
  void erase_range(std::uint64_t from, std::uint64_t to);
  void clear();

  [[nodiscard]] std::uint64_t size() const;
  /// Bytes of memory it holds.
  [[nodiscard]] std::uint64_t memory() const;

  /// The largest record whose size it can tell.
  static constexpr std::uint32_t kMaxSize = 7U << 22;

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kWays = 7;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Bucket {
    std::uint32_t next = kNone;
    std::uint32_t used = 0;
    std::array<std::uint64_t, kWays> words{};
  };
  static_assert(sizeof(Bucket) == 64);
  static constexpr std::size_t kPageBuckets = 64;
  using Page = std::array<Bucket, kPageBuckets>;
  struct Found {
    Bucket* bucket = nullptr;
    std::size_t at = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::vector<std::uint32_t> heads;
    std::vector<std::unique_ptr<Page>> pages;
    std::uint32_t free = kNone;
    std::uint32_t fresh = 0;  ///< buckets of the last page never used
    std::uint32_t level = 0;
    std::uint32_t split = 0;  ///< the next chain to be split
    std::uint64_t size = 0;
    std::uint64_t charged = 0;

    [[nodiscard]] Bucket& bucket(std::uint32_t i) const { return (*pages[i / kPageBuckets])[i % kPageBuckets]; }
  };
  [[nodiscard]] Shard& shard_of(Hash128 slot) const { return *shards_[slot.low % kShards]; }
  [[nodiscard]] std::uint32_t chain_of(const Shard& shard, Hash128 slot) const;
  [[nodiscard]] std::uint32_t chain_of(const Shard& shard, std::uint32_t home, std::uint64_t tag) const;
  [[nodiscard]] Found look(const Shard& shard, Hash128 slot) const;
  [[nodiscard]] bool take_bucket(Shard& shard, std::uint32_t& bucket);
  [[nodiscard]] bool push(Shard& shard, std::uint32_t chain, std::uint64_t word);
  void drop(Shard& shard, std::uint32_t chain, Found found);
  /// Empties a chain; gives back its words, and its buckets to the free ones.
  [[nodiscard]] static std::vector<std::uint64_t> take_apart(Shard& shard, std::uint32_t chain);
  void grow(Shard& shard);
  void reset(Shard& shard);

  MemoryBudget& budget_;
  std::uint32_t homes_;  ///< chains of a shard at level 0
  std::array<std::unique_ptr<Shard>, kShards> shards_;
};

}  // namespace yz::cache
