#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::billing {

/// An amount in millionths of the currency's unit. Signed: adjustments may give back.
struct Micros {
  std::int64_t value = 0;

  friend auto operator<=>(Micros, Micros) = default;
};
inline constexpr std::int64_t kMicrosPerUnit = 1'000'000;

/// Wide enough for every product a line needs (bounds: bill.h).
using Wide = unsigned __int128;

/// A quantity or an amount before it is rounded: num / den, den > 0. Sums and products of the room keep it exact.
struct Ratio {
  Wide num = 0;
  Wide den = 1;
};

/// The rule of the room, applied once to each line: to the nearest micro-unit, halves up. None when it does not fit.
[[nodiscard]] std::optional<Micros> round_half_up(const Ratio& amount);

/// "0.2" or "-12.345678" as micro-units. Fails with kInvalid on more than six decimals, or above 10^12 units.
[[nodiscard]] Result<Micros> parse_money(std::string_view text);
/// "12.345678", "0.20": at least two decimals, no needless zeros after them.
[[nodiscard]] std::string to_string(Micros amount);
/// A ratio with `decimals` decimals, cut off: for showing quantities, never for computing.
[[nodiscard]] std::string show_ratio(const Ratio& ratio, unsigned decimals);

}  // namespace yz::billing
