#pragma once

#include <algorithm>
#include <cstdint>

#include "http/range.h"

namespace yz::edge {

/// How a body of known length is cut: slices of equal size, the last one shorter. Plain arithmetic.
struct SliceLayout {
  /// Slices of one group are asked of the same second-tier node; the groups of a huge file spread over all of them.
  static constexpr std::uint64_t kGroup = 64;

  std::uint64_t total = 0;  ///< bytes of the whole body, at least 1
  std::uint32_t size = 1;   ///< bytes of a slice

  [[nodiscard]] std::uint64_t count() const { return (total + size - 1) / size; }
  [[nodiscard]] std::uint64_t slice_of(std::uint64_t offset) const { return offset / size; }
  /// The bytes of the i-th slice.
  [[nodiscard]] http::ByteRange range_of(std::uint64_t i) const {
    return {i * size, std::min<std::uint64_t>((i + 1) * size, total) - 1};
  }
  /// The last slice that one request for slice `first` may reach, when bytes up to `last_byte` are wanted: it ends with
  /// its group.
  [[nodiscard]] std::uint64_t run_end(std::uint64_t first, std::uint64_t last_byte) const {
    return std::min(slice_of(std::min(last_byte, total - 1)), first | (kGroup - 1));
  }
  /// Which second-tier node a slice belongs to: 0 for the one of the object itself.
  [[nodiscard]] static std::uint64_t group_of(std::uint64_t i) { return i / kGroup; }

  friend bool operator==(const SliceLayout&, const SliceLayout&) = default;
};

}  // namespace yz::edge
