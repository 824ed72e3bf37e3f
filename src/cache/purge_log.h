#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>

#include "base/fd.h"
#include "base/result.h"
#include "cache/object.h"
#include "cache/purge_record.h"
#include "cache/purge_table.h"

namespace yz::cache {

/// What the purges so far mean for something stored.
enum class PurgeVerdict : std::uint8_t { kLive, kStale, kDead };

/// All purges that may still matter, on disk and as tables. Applying takes a lock and waits for the disk (call it off
/// the reactors); asking takes none and is one compare for an object that was asked about since the last purge.
class PurgeLog {
 public:
  struct Options {
    std::filesystem::path file;         ///< empty: in memory only
    std::size_t max_targets = 262'144;  ///< beyond this the older half is folded into "stale before"
    std::size_t compact_above = 4096;   ///< records in the file before it is considered for rewriting
  };
  /// Reads the file and cuts off a torn tail. With a file damaged further in, `applied` is the last sound record's, so
  /// that whoever replays gives the lost ones again. Fails with kIo, kPermission, or kCorrupt for a foreign file.
  [[nodiscard]] static Result<std::unique_ptr<PurgeLog>> open(Options options);

  /// Applies records with ascending numbers. Those not above `applied` are skipped, so a retry does no harm. When this
  /// returns they are effective on every worker and on disk; on failure (disk full) they are effective but not
  /// `applied`, and must be given again. Fails with kConflict at a gap in the numbers, applying none after it.
  [[nodiscard]] Result<Seq> apply(std::span<const PurgeRecord> records);
  /// The records up to `seq` cannot be had any more: everything born before is stale, and `seq` is applied.
  [[nodiscard]] Result<Seq> resync(Seq seq);
  /// Numbers a purge as the next one and applies it: for an edge that runs alone, where nobody else numbers.
  [[nodiscard]] Result<Seq> apply_next(PurgeKind kind, std::uint64_t id, bool is_hard);

  /// The number up to which all records are applied and durable; what is acknowledged.
  [[nodiscard]] Seq applied() const { return Seq{applied_.load(std::memory_order_acquire)}; }
  /// The number of the last effective record; what a request to the origin takes as its `born`.
  [[nodiscard]] Seq latest() const { return Seq{latest_.load(std::memory_order_acquire)}; }

  /// Any thread. Remembers the answer in the object.
  [[nodiscard]] PurgeVerdict verdict(Object& object) const {
    const std::uint64_t latest = latest_.load(std::memory_order_acquire);
    if (object.checked() >= latest) [[likely]] {
      return object.is_soft_purged() ? PurgeVerdict::kStale : PurgeVerdict::kLive;
    }
    return look_up(object, latest);
  }
  /// The same for something that has no object yet. `tags` may be empty while they are not known.
  [[nodiscard]] PurgeVerdict verdict(Seq born, BaseId base, std::string_view host, std::string_view target,
                                     std::span<const std::uint32_t> tags) const;

  /// Records in the file; targets in the tables.
  [[nodiscard]] std::size_t file_records() const;
  [[nodiscard]] std::size_t targets() const;

 private:
  explicit PurgeLog(Options options) : options_(std::move(options)) {}
  [[nodiscard]] PurgeVerdict look_up(Object& object, std::uint64_t latest) const;
  [[nodiscard]] Status load();
  void make_effective(const PurgeRecord& record);
  [[nodiscard]] Status append(std::span<const PurgeRecord> records);
  [[nodiscard]] Status compact();
  void forget_older_half();
  [[nodiscard]] Result<Seq> apply_locked(std::span<const PurgeRecord> records, bool may_skip);

  const Options options_;
  mutable std::mutex mutex_;  ///< writers only
  UniqueFd fd_;
  std::uint64_t file_size_ = 0;
  std::size_t file_records_ = 0;
  PurgeTable table_;
  std::atomic<std::uint64_t> latest_{0};
  std::atomic<std::uint64_t> applied_{0};
};

}  // namespace yz::cache
