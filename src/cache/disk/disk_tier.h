#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "cache/disk/disk_volume.h"
#include "cache/ghost.h"
#include "cache/invalidation_marks.h"
#include "cache/memory_tier.h"
#include "io/blocking_pool.h"
#include "io/task.h"
#include "io/waiters.h"

namespace yz::metrics {
class Registry;
}

namespace yz::cache {

class PurgeLog;

struct DiskOptions {
  std::vector<DiskPlace> places;  ///< none: no disk tier
  VolumeOptions volume;
  unsigned readers = 4;                         ///< threads a device, for reading
  std::size_t waiting_reads = 256;              ///< a device; more go on without it
  std::chrono::milliseconds read_timeout{500};  ///< a read that takes longer is not waited for
  /// How a place is opened; for tests.
  std::function<Result<std::unique_ptr<BlockDevice>>(const DiskPlace&)> open = open_block_device;
};

struct DiskStats {
  VolumeStats volumes;
  std::uint64_t devices = 0;  ///< that work
  std::uint64_t failed = 0;   ///< given up, or not opened
  std::uint64_t hits = 0;     ///< brought back to memory
  std::uint64_t misses = 0;   ///< looked for, and not there or not to be used
  std::uint64_t skipped = 0;  ///< not looked for: too many reads wait, or one took too long
  std::uint64_t refused = 0;  ///< seen for the first time: not worth writing yet
};

/// Objects on disk, under those in memory. Written: what was asked for twice, when memory lets go of it or a little
/// later. Brought back: at a miss in memory, once however many ask. A slot belongs to one of the devices (rendezvous
/// hashing, weighted by size); when one fails its slots go to the others. Nothing here ever fails a request: what
/// cannot be read is a miss, what cannot be written is not.
class DiskTier final : public EvictionListener {
 public:
  /// Opens all places and recovers what they hold, devices at the same time. A place that cannot be opened is reported
  /// and left out; fails only with kInvalid, for a place that never will.
  [[nodiscard]] static Result<std::unique_ptr<DiskTier>> open(DiskOptions options, MemoryTier& memory,
                                                              const PurgeLog& purges);
  /// Writes what waits.
  ~DiskTier() override;
  DiskTier(const DiskTier&) = delete;
  DiskTier& operator=(const DiskTier&) = delete;

  /// True when something for the slot is on disk, or seems to be. A lock and a few cache lines.
  [[nodiscard]] bool holds(Hash128 slot) const;
  /// Brings what is on disk for a slot (an object, or a URL's rule) into memory; true: look there again. On a reactor;
  /// may be given up at any time.
  [[nodiscard]] io::Task<bool> recall(Hash128 slot);
  /// Begins that without waiting for it.
  void start_recall(Hash128 slot) { (void)join(slot); }
  /// The same on a thread that may wait.
  bool recall_now(Hash128 slot);

  /// Writes the object if it is worth it and not there already.
  void evicted(const Ref<Object>& object, bool was_used) override;
  /// Writes it over what is there.
  void write(const Ref<Object>& object);
  /// What is on disk for the slot is void. First this, then the change in memory.
  void forget(Hash128 slot);
  /// Waits until all that was queued is written.
  void flush();

  [[nodiscard]] DiskStats stats() const;
  /// Declares yz_cache_disk_* in the registry; the tier must outlive it.
  void expose(metrics::Registry& registry) const;

 private:
  struct Device {
    std::unique_ptr<DiskVolume> volume;
    std::unique_ptr<io::BlockingPool> readers;  // ends before the volume
  };
  /// A read that others may wait for.
  struct Recall {
    io::Event done;
    std::atomic<bool> is_found{false};
  };
  class Job;

  DiskTier(DiskOptions options, MemoryTier& memory, const PurgeLog& purges);
  [[nodiscard]] const Device* device_of(Hash128 slot) const;
  [[nodiscard]] std::shared_ptr<Recall> join(Hash128 slot);
  [[nodiscard]] bool bring_back(DiskVolume& volume, Hash128 slot);
  [[nodiscard]] bool bring_back_object(DiskVolume& volume, Hash128 slot, const DiskVolume::Read& read,
                                       InvalidationMarks::Mark mark);
  [[nodiscard]] bool bring_back_rule(Hash128 slot, std::string_view payload, InvalidationMarks::Mark mark);
  [[nodiscard]] bool put(const Ref<Object>& object, InvalidationMarks::Mark mark);
  [[nodiscard]] bool is_worth_it(const Object& object, bool was_used);

  const DiskOptions options_;
  MemoryTier& memory_;
  const PurgeLog& purges_;
  std::vector<Device> devices_;
  std::uint64_t unopened_ = 0;
  InvalidationMarks changes_;  ///< raised around each forgetting: what was read before must not come back after
  mutable std::mutex mutex_;
  std::unordered_map<Hash128, std::shared_ptr<Recall>> recalls_;  // guarded by mutex_
  std::mutex admission_mutex_;
  std::unique_ptr<Ghost> seen_;  // guarded by admission_mutex_
  std::uint64_t charged_ = 0;
  std::atomic<std::uint64_t> hits_{0}, misses_{0}, skipped_{0}, refused_{0};
};

}  // namespace yz::cache
