#pragma once

#include <atomic>
#include <cstdint>

#include "metrics/slots.h"

namespace yz::metrics {

/// A handle on a growing count. Copy it freely; a default one counts nowhere. Adding touches only memory of the calling
/// thread: no lock, no read-modify-write, no line shared with another writer.
class Counter {
 public:
  Counter() = default;
  explicit Counter(std::uint32_t slot) : slot_(slot) {}

  void add(std::uint64_t n = 1) const { bump(local_slot(slot_), n); }
  /// The sum over all threads, those that ended included. Costs one load per thread.
  [[nodiscard]] std::uint64_t value() const { return sum_slot(slot_); }

 private:
  std::uint32_t slot_ = kDiscardSlot;
};

/// A handle on a value that goes up and down, shared by all threads (one atomic; not for the hottest paths).
/// Copy it freely; a default one goes nowhere.
class Gauge {
 public:
  Gauge() = default;
  explicit Gauge(std::atomic<std::int64_t>* cell) : cell_(cell) {}

  void set(std::int64_t value) const {
    if (cell_ != nullptr) cell_->store(value, std::memory_order_relaxed);
  }
  void add(std::int64_t by) const {
    if (cell_ != nullptr) cell_->fetch_add(by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const { return cell_ == nullptr ? 0 : cell_->load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t>* cell_ = nullptr;  ///< owned by the registry
};

}  // namespace yz::metrics
