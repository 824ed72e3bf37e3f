#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "billing/bill.h"

namespace yz::billing {

/// The points of a period that concern one item: summed over its regions, with overhead, zeros where nothing was.
/// Internal to this room.
class ItemPoints {
 public:
  /// Fails with kLimit when a point is above kMaxPoint.
  [[nodiscard]] static Result<ItemPoints> collect(const Plan& plan, const Item& item, const Usage& usage,
                                                  const Period& period);

  [[nodiscard]] const std::vector<std::uint64_t>& bytes() const { return bytes_; }
  /// Requests of the item's classes.
  [[nodiscard]] const std::vector<std::uint64_t>& requests() const { return requests_; }
  /// Indexes of the days that count: those with any byte where the item has valid days, else all.
  [[nodiscard]] const std::vector<std::uint32_t>& days() const { return days_; }

  /// The n-th highest point of a day, n from 0.
  [[nodiscard]] std::uint64_t nth_of_day(std::uint32_t day, std::size_t n) const;
  [[nodiscard]] Wide sum_of(const std::vector<std::uint64_t>& points, std::size_t first, std::size_t count) const;

 private:
  std::vector<std::uint64_t> bytes_;
  std::vector<std::uint64_t> requests_;
  std::vector<std::uint32_t> days_;
};

/// A value of an item in its unit, and what to say about how it came about.
struct Quantity {
  Ratio value;
  std::vector<Remark> remarks;
};

/// The bandwidth of a month mode in Mbit/s.
[[nodiscard]] Quantity month_bandwidth(const Item& item, const ItemPoints& points);

}  // namespace yz::billing
