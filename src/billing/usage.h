#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "billing/plan.h"

namespace yz::billing {

/// What an account's domains together got from the edges of one country within five minutes.
struct UsagePoint {
  std::uint32_t minute = 0;  ///< since the epoch (UTC), a multiple of 5
  std::uint64_t bytes = 0;   ///< to viewers, heads included
  std::array<std::uint64_t, kRequestClasses> requests{};

  UsagePoint& operator+=(const UsagePoint& other);
  friend bool operator==(const UsagePoint&, const UsagePoint&) = default;
};

/// An account's usage: by country of the edge ("" unknown), ascending by minute; missing points are zero.
class Usage {
 public:
  using ByCountry = std::map<std::string, std::vector<UsagePoint>>;

  /// Adds a point; several of one minute and country are summed. Any order.
  void add(const std::string& country, const UsagePoint& point);
  void add(const Usage& other);
  [[nodiscard]] const ByCountry& by_country() const { return countries_; }
  /// The points of a minute range only, [from, until).
  [[nodiscard]] Usage between(std::uint32_t from_minute, std::uint32_t until_minute) const;
  /// SHA-256 (hex) of what is not zero: equal for equal usage, in whatever order it came.
  [[nodiscard]] std::string hash() const;

  friend bool operator==(const Usage&, const Usage&) = default;

 private:
  ByCountry countries_;
};

/// The value that is left at the top when the highest 5 % of `values` (rounded down) are dropped; 0 of none.
[[nodiscard]] std::uint64_t percentile_95(std::vector<std::uint64_t> values);

}  // namespace yz::billing
