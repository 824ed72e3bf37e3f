#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "base/hash.h"
#include "cache/fill.h"
#include "cache/ref.h"

namespace yz::cache {

/// The fills others may join, by slot. Any thread; a lock per shard, on misses only.
class FillTable {
 public:
  /// Calls `decide(Ref<Fill>& there)` under the slot's lock: it may look at what is there and replace it.
  template <typename Decide>
  auto with(Hash128 slot, Decide&& decide) {
    Shard& shard = shard_of(slot);
    const std::lock_guard lock(shard.mutex);
    Ref<Fill>& there = shard.fills[slot];
    auto decided = decide(there);
    if (!there) shard.fills.erase(slot);
    return decided;
  }
  /// Takes the fill out if it is still there.
  void remove(Hash128 slot, const Fill& fill) {
    Ref<Fill> gone;
    Shard& shard = shard_of(slot);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.fills.find(slot);
    if (found == shard.fills.end() || found->second.get() != &fill) return;
    gone = std::move(found->second);
    shard.fills.erase(found);
  }
  /// Makes the fill joinable under another slot, unless somebody fills that already.
  void add(Hash128 slot, const Ref<Fill>& fill) {
    Shard& shard = shard_of(slot);
    const std::lock_guard lock(shard.mutex);
    shard.fills.try_emplace(slot, fill);
  }
  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t all = 0;
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      all += shard.fills.size();
    }
    return all;
  }

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Hash128, Ref<Fill>> fills;
  };
  [[nodiscard]] Shard& shard_of(Hash128 slot) { return shards_[slot.high % shards_.size()]; }
  std::array<Shard, 64> shards_;
};

}  // namespace yz::cache
