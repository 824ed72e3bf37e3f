#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "cache/purge_record.h"

namespace yz::cache {

/// From what was purged to when: one insert-only table of open addressing for URLs, directories, tags and hosts, and
/// two words for "all". One writer at a time; readers take no lock and see everything up to a clock they read before.
class PurgeTable {
 public:
  struct Times {
    std::uint64_t hard = 0;  ///< dead when born before
    std::uint64_t soft = 0;  ///< stale when born before
  };
  PurgeTable();
  ~PurgeTable();
  PurgeTable(const PurgeTable&) = delete;
  PurgeTable& operator=(const PurgeTable&) = delete;

  void add(const PurgeRecord& record);
  /// When the target was purged last.
  [[nodiscard]] Times find(PurgeKind kind, std::uint64_t id) const;
  [[nodiscard]] Times all() const {
    return {all_hard_.load(std::memory_order_acquire), all_soft_.load(std::memory_order_acquire)};
  }
  /// The last record of any kind of the three that cost most to check; zero: none.
  [[nodiscard]] std::uint64_t last_directory() const { return last_directory_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t last_tag() const { return last_tag_.load(std::memory_order_acquire); }

  /// Targets held; all of them as records in the order of their numbers, "all" included.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::vector<PurgeRecord> records() const;
  /// Forgets targets last purged at or before `seq`; whatever was born before it is stale from now on.
  void fold_before(std::uint64_t seq);

 private:
  struct Slot;
  struct Slots;
  void insert(Slots& into, PurgeKind kind, std::uint64_t id, Times times);
  void replace(std::size_t capacity, std::uint64_t keep_above);

  std::atomic<Slots*> slots_;
  std::size_t size_ = 0;
  std::atomic<std::uint64_t> all_hard_{0};
  std::atomic<std::uint64_t> all_soft_{0};
  std::atomic<std::uint64_t> last_directory_{0};
  std::atomic<std::uint64_t> last_tag_{0};
};

}  // namespace yz::cache
