#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/usage.h"

namespace yz::edge {

/// Counts every request for the bill so that neither a crash nor `kill -9` loses or doubles one. Counters live in a
/// file mapped MAP_SHARED, in two banks; `flush` writes the bank that was in use to the spool folder as one batch with
/// a number of its own, and the agent takes it from there. The file, and why each step may be cut short:
/// docs/formats/usage-ledger.md. The death of the whole machine may lose what was not spooled; it never doubles.
class UsageLedger {
 public:
  struct Options {
    std::filesystem::path file;   ///< the counters; one process at a time
    std::filesystem::path spool;  ///< folder for "<epoch>-<number>.usage"
    model::NodeId node;
    unsigned workers = 1;
    std::uint32_t cells = 1 << 18;  ///< keys a worker can count between flushes in the file (address space, not memory)
    const Clock* clock = &SystemClock::instance();
  };
  /// Opens or makes the file. What an earlier process left in it is spooled first, under its old epoch and numbers.
  /// Fails with kUnavailable when another process has it, kIo, kLimit or kPermission.
  [[nodiscard]] static Result<std::unique_ptr<UsageLedger>> open(Options options);
  /// Spools what is left.
  ~UsageLedger();
  UsageLedger(const UsageLedger&) = delete;
  UsageLedger& operator=(const UsageLedger&) = delete;

  /// Adds one ended request, as a whole or not at all, whenever the process dies. Only worker `worker`'s thread.
  /// No lock; allocates, and asks the system for more of the file, only while the number of keys grows.
  void add(unsigned worker, const model::UsageKey& key, const model::UsageCounts& counts);

  /// Writes what was counted since the last flush as a batch; false when there was nothing. Once a minute without
  /// anything writes a batch without records all the same: it says that nothing was served. Any thread but one at a
  /// time is let in; waits for the disk. On failure (disk full) nothing is lost: the counts stay for the next try.
  [[nodiscard]] Result<bool> flush();

  [[nodiscard]] std::uint64_t epoch() const;
  /// The number the next batch will get.
  [[nodiscard]] std::uint64_t next_number() const;

 private:
  struct Header;
  struct Cell;
  struct Lane;
  class Mapping;
  class Table;
  struct Worker;

  explicit UsageLedger(Options options);
  [[nodiscard]] Status load();
  [[nodiscard]] Status recover();
  [[nodiscard]] Status create(std::uint64_t epoch, std::uint64_t next_number, std::uint64_t covered_until);
  [[nodiscard]] std::uint64_t now_ms() const;
  [[nodiscard]] Status write_out(unsigned bank);
  void clear(unsigned bank);
  [[nodiscard]] bool is_empty(unsigned bank) const;
  [[nodiscard]] Status allocate_resident();
  [[nodiscard]] bool allocate_more(unsigned worker, unsigned bank);
  void overflow(const model::UsageKey& key, const model::UsageCounts& counts);

  const Options options_;
  std::unique_ptr<Mapping> mapping_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<unsigned> active_{0};
  std::mutex flush_mutex_;
  std::mutex overflow_mutex_;
  /// What found no cell: kept in memory until the next flush.
  std::map<model::UsageKey, model::UsageCounts> overflow_;
  /// The part of it that belongs to the bank being written out.
  std::map<model::UsageKey, model::UsageCounts> overflow_in_flush_;
};

}  // namespace yz::edge
