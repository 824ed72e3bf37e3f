#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace yz::billing {

inline constexpr std::uint32_t kPointMinutes = 5;
inline constexpr std::uint32_t kPointsPerDay = 288;
inline constexpr std::uint32_t kDayMinutes = 1440;

/// A stretch of whole days in a contract's time, inside one calendar month. Minutes since the epoch (UTC).
struct Period {
  std::uint32_t from_minute = 0;
  std::uint32_t until_minute = 0;
  std::uint32_t month_days = 30;  ///< of the month it lies in

  [[nodiscard]] std::uint32_t days() const { return (until_minute - from_minute) / kDayMinutes; }
  [[nodiscard]] bool contains(std::uint32_t minute) const { return minute >= from_minute && minute < until_minute; }
  /// 0 for the first.
  [[nodiscard]] std::uint32_t day_of(std::uint32_t minute) const { return (minute - from_minute) / kDayMinutes; }
  friend bool operator==(const Period&, const Period&) = default;
};

/// The calendar month in a fixed offset from UTC.
[[nodiscard]] Period month_period(std::chrono::year_month month, std::chrono::minutes utc_offset);
/// "2026-11". Fails with kInvalid outside 2000-01 to 2199-12.
[[nodiscard]] Result<std::chrono::year_month> parse_month(std::string_view text);
[[nodiscard]] std::string to_string(std::chrono::year_month month);
/// "2026-11-03": the day of a minute in that offset.
[[nodiscard]] std::string show_day(std::uint32_t minute, std::chrono::minutes utc_offset);
/// The minute at which the day "2026-11-03" begins there. Fails with kInvalid.
[[nodiscard]] Result<std::uint32_t> parse_day(std::string_view text, std::chrono::minutes utc_offset);

}  // namespace yz::billing
