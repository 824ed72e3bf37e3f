#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "metrics/slots.h"

namespace yz::metrics {

/// A handle on a distribution of whole numbers (microseconds, bytes, …), log-linear: four buckets to every power of
/// two, so a quantile is right to within a quarter of its value. Copy it freely; a default one records nowhere.
/// Recording touches only memory of the calling thread.
class Histogram {
 public:
  /// What is recorded and what is shown.
  struct Shape {
    double unit = 1.0;         ///< exposed value of one recorded unit: 1e-6 when microseconds are shown as seconds
    std::uint64_t lowest = 1;  ///< first boundary exposed, a power of two, in recorded units
    std::uint64_t highest = 1 << 26;  ///< last boundary exposed before +Inf, a power of two
  };
  /// Recorded in microseconds, shown in seconds, 64 us to 67 s.
  static constexpr Shape kMicroseconds{1e-6, 1 << 6, 1 << 26};
  /// Recorded and shown in bytes, 256 B to 1 GiB.
  static constexpr Shape kBytes{1.0, 1 << 8, 1 << 30};

  static constexpr std::uint32_t kSubBuckets = 4;
  static constexpr std::uint32_t kBuckets = 42 * kSubBuckets;  ///< the last one takes all above 2^42
  static constexpr std::uint32_t kSlots = kBuckets + 1;        ///< the buckets, then the sum

  Histogram() = default;
  explicit Histogram(std::uint32_t first_slot) : first_(first_slot) {}

  void record(std::uint64_t value) const {
    if (first_ == kDiscardSlot) return;
    Slot* const cells = &local_slot(first_);
    bump(cells[bucket_of(value)], 1);
    bump(cells[kBuckets], value);
  }

  /// The bucket of a value: bucket b holds the values in (upper_bound(b - 1), upper_bound(b)].
  [[nodiscard]] static constexpr std::uint32_t bucket_of(std::uint64_t value) {
    const std::uint64_t v = value == 0 ? 0 : value - 1;
    if (v < kSubBuckets) return static_cast<std::uint32_t>(v);
    const auto top = static_cast<std::uint32_t>(std::bit_width(v)) - 1;  // >= 2
    const std::uint32_t bucket = (top - 1) * kSubBuckets + static_cast<std::uint32_t>((v >> (top - 2)) & 3);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  [[nodiscard]] static constexpr std::uint64_t upper_bound(std::uint32_t bucket) {
    if (bucket < kSubBuckets) return bucket + 1;
    const std::uint32_t top = bucket / kSubBuckets + 1;
    return (std::uint64_t{1} << top) + (std::uint64_t{bucket % kSubBuckets + 1} << (top - 2));
  }

  /// All threads' records at about one moment.
  struct Snapshot {
    std::vector<std::uint64_t> buckets;
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    /// The least boundary that `quantile` (0..1) of the records do not exceed; 0 when there is none.
    [[nodiscard]] std::uint64_t quantile(double quantile) const;
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  std::uint32_t first_ = kDiscardSlot;
};

}  // namespace yz::metrics
