#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "billing/calendar.h"
#include "billing/line.h"
#include "billing/money.h"
#include "billing/plan.h"
#include "billing/usage.h"

namespace yz::billing {

/// Traffic paid ahead. Used up before the item's price applies, the one that ends first before the others (then by id);
/// a point draws on the packages that are valid when it begins.
struct Package {
  std::string id;
  std::string item;  ///< of mode kTraffic
  std::uint64_t bytes = 0;
  std::uint64_t used = 0;  ///< before the period
  std::uint32_t from_minute = 0;
  std::uint32_t until_minute = 0;

  friend bool operator==(const Package&, const Package&) = default;
};

/// What a period costs under one plan. A pure function of what it was made from.
struct Bill {
  Period period;
  std::vector<Line> lines;
  std::vector<Package> packages;  ///< as after the period
  Micros total;

  friend bool operator==(const Bill&, const Bill&) = default;
};

/// Largest value of one point, in bytes or requests, and largest price of a unit: every sum below then fits 128 bits.
inline constexpr std::uint64_t kMaxPoint = std::uint64_t{1} << 52;
inline constexpr std::int64_t kMaxPrice = 1'000'000 * kMicrosPerUnit;

/// Applies a plan. Usage outside the period is not looked at. Each item's points are summed over its regions first;
/// then multiplied with the overhead, to the nearest byte; each line is rounded once (round_half_up), and the total is
/// the sum of the lines. Under a plan that holds for a part of a month, what is priced by the month costs its days /
/// days of the month, and tiers begin anew. Fails with kLimit when a number is beyond all reason.
[[nodiscard]] Result<Bill> bill(const Plan& plan, const Usage& usage, const Period& period,
                                std::vector<Package> packages);

/// What the bill of `month` would have cost more (or less) with the usage known now: a line for each item that differs.
[[nodiscard]] std::vector<Line> adjustments(const Bill& before, const Bill& now, const std::string& month);

[[nodiscard]] nlohmann::json to_json(const Package& package);
[[nodiscard]] nlohmann::json to_json(const Bill& bill);

}  // namespace yz::billing
