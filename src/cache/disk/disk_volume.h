#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "cache/disk/block_device.h"
#include "cache/disk/disk_index.h"
#include "cache/disk/disk_log.h"
#include "cache/object.h"

namespace yz::cache {

class MemoryTier;
class PurgeLog;

struct VolumeOptions {
  ByteCount region{0};                         ///< 0: by the device's size
  ByteCount buffer{0};                         ///< written at a time, and the largest record; 0: by the memory's size
  ByteCount queue{0};                          ///< of objects that wait to be written; 0: by the memory's size
  ByteCount write_rate{0};                     ///< bytes a second on average; 0: no bound
  std::chrono::milliseconds flush_every{500};  ///< what a kill -9 may lose
};

struct VolumeStats {
  std::uint64_t objects = 0;  ///< records that can be found
  std::uint64_t index_bytes = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t recovered = 0;  ///< objects found at start
  std::uint64_t recovery_us = 0;
  std::uint64_t reads = 0;
  std::uint64_t read_errors = 0;
  std::uint64_t corrupt = 0;  ///< read, but not what was written
  std::uint64_t writes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t stored = 0;      ///< objects written
  std::uint64_t reinserted = 0;  ///< moved on because they were asked for
  std::uint64_t dropped = 0;     ///< not written: the queue was full, the budget spent, or the device did not take it
  bool is_failed = false;

  VolumeStats& operator+=(const VolumeStats& other);
};

/// Objects on one device: its log, its index, a thread that writes behind. What waits to be written can be found as if
/// it were on the device. Never in anybody's way: what the device cannot take in time is dropped, a device that fails
/// again and again is given up, and from then on holds nothing. Any thread may call; `read` waits for the device.
class DiskVolume {
 public:
  /// Opens the device's log and recovers what it holds, or nothing of it when the purge log is behind what the device
  /// has seen. Fails as DiskLog::open does, with kLimit when the memory cannot hold the buffers.
  [[nodiscard]] static Result<std::unique_ptr<DiskVolume>> open(std::unique_ptr<BlockDevice> device,
                                                                VolumeOptions options, MemoryTier& memory,
                                                                const PurgeLog& purges);
  /// Writes what waits.
  ~DiskVolume();
  DiskVolume(const DiskVolume&) = delete;
  DiskVolume& operator=(const DiskVolume&) = delete;

  /// True when a record for the slot is here, or seems to be.
  [[nodiscard]] bool holds(Hash128 slot) const;
  /// Queues the object; it replaces what is here for its slot. Its rule goes with `put_rule`.
  void put(Ref<Object> object);
  void put_rule(Hash128 primary, std::string_view names, WallTime since);
  /// Whatever is here for the slot is void, also after a restart.
  void forget(Hash128 slot);
  /// The object if it still waits to be written.
  [[nodiscard]] Ref<Object> waiting(Hash128 slot) const;

  /// A record with the memory it is charged.
  struct Read {
    StoredRecord record;
    std::uint64_t unit = 0;
    std::shared_ptr<void> charge;
  };
  /// Reads the record of a slot, in one piece. Fails with kNotFound, kLimit without memory, and as DiskLog::read does.
  [[nodiscard]] Result<Read> read(Hash128 slot);
  /// True while the slot's record is the one that was read.
  [[nodiscard]] bool is_at(Hash128 slot, std::uint64_t unit) const;

  /// Waits until all that was queued is on the device (or dropped).
  void flush();
  /// Its number among devices, which stays when paths change.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint64_t capacity() const { return device_->size(); }
  [[nodiscard]] std::uint64_t max_record() const { return max_record_; }
  [[nodiscard]] bool is_failed() const { return is_failed_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::string& name() const { return device_->name(); }
  [[nodiscard]] VolumeStats stats() const;

 private:
  /// Something that waits to be written.
  struct Waiting {
    Ref<Object> object;  ///< null: a rule
    std::string rule;    ///< its payload
    std::uint64_t ticket = 0;
    std::uint64_t weight = 0;
  };
  struct Item {
    Hash128 slot;
    RecordKind kind = RecordKind::kObject;
    std::uint64_t ticket = 0;
  };
  /// Something in the log's buffer.
  struct Buffered {
    Hash128 slot;
    RecordKind kind = RecordKind::kObject;
    std::uint64_t unit = 0;
    std::uint32_t size = 0;
    std::uint64_t ticket = 0;  ///< 0: moved from `from`
    std::uint64_t from = 0;
  };

  DiskVolume(std::unique_ptr<BlockDevice> device, VolumeOptions options, MemoryTier& memory, const PurgeLog& purges);
  [[nodiscard]] Status start();
  void recover();
  void queue(Hash128 slot, Waiting waiting);
  [[nodiscard]] bool may_spend(std::uint64_t bytes);

  // The writer's thread.
  void work();
  void write_item(const Item& item);
  void append(Buffered what, std::span<const std::string_view> payload, std::uint64_t record_size);
  void advance();
  void reinsert(const std::vector<TableEntry>& table, std::uint64_t first_unit);
  [[nodiscard]] bool move_on(const TableEntry& entry, const DiskIndex::Place& place);
  void commit();
  void settle(const Buffered& written, bool is_written);
  void note_write(const Status& done, std::uint64_t bytes);
  void wipe();

  void note_read(bool is_good);
  void give_up(std::string_view why);

  const std::unique_ptr<BlockDevice> device_;
  const VolumeOptions options_;
  MemoryTier& memory_;
  const PurgeLog& purges_;
  std::uint64_t charged_ = 0;
  std::unique_ptr<DiskLog> log_;
  std::unique_ptr<DiskIndex> index_;
  std::uint64_t id_ = 0;
  std::uint64_t max_record_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::unordered_map<Hash128, Waiting> waiting_;  // guarded by mutex_
  std::deque<Item> queue_;                        // guarded by mutex_
  std::uint64_t waiting_bytes_ = 0;               // guarded by mutex_
  std::uint64_t next_ticket_ = 1;                 // guarded by mutex_
  std::uint64_t flush_wanted_ = 0;                // guarded by mutex_
  std::uint64_t flush_done_ = 0;                  // guarded by mutex_
  bool is_stopping_ = false;                      // guarded by mutex_
  MonoTime paused_until_{};                       // guarded by mutex_
  double tokens_ = 0;                             // guarded by mutex_
  MonoTime tokens_at_{};                          // guarded by mutex_

  // The writer's own.
  std::vector<Buffered> buffered_;
  MonoTime dirty_since_{};
  unsigned write_failures_ = 0;
  bool is_wiped_ = false;

  std::atomic<bool> is_failed_{false};
  std::atomic<unsigned> read_failures_{0};  ///< without a good read between them
  struct Counts {
    std::atomic<std::uint64_t> recovered{0}, recovery_us{0}, reads{0}, read_errors{0}, corrupt{0}, writes{0},
        written_bytes{0}, write_errors{0}, stored{0}, reinserted{0}, dropped{0};
  };
  Counts counts_;
  std::thread writer_;
};

}  // namespace yz::cache
