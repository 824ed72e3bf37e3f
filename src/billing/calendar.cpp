#include "billing/calendar.h"

#include <fmt/format.h>

#include "base/text.h"

namespace yz::billing {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year_month_day;

std::uint32_t to_minute(sys_days day, minutes utc_offset) {
  return static_cast<std::uint32_t>((minutes(day.time_since_epoch()) - utc_offset).count());
}

bool is_in_range(std::chrono::year year) { return year >= std::chrono::year(2000) && year < std::chrono::year(2200); }

}  // namespace

Period month_period(std::chrono::year_month month, minutes utc_offset) {
  const sys_days first = month / std::chrono::day(1);
  const sys_days next = (month + std::chrono::months(1)) / std::chrono::day(1);
  return {.from_minute = to_minute(first, utc_offset),
          .until_minute = to_minute(next, utc_offset),
          .month_days = static_cast<std::uint32_t>((next - first).count())};
}

Result<std::chrono::year_month> parse_month(std::string_view text) {
  const auto year = text.size() == 7 && text[4] == '-' ? parse_u32(text.substr(0, 4), 9999) : std::nullopt;
  const auto month = year ? parse_u32(text.substr(5), 12) : std::nullopt;
  const std::chrono::year_month out{std::chrono::year(static_cast<int>(year.value_or(0))),
                                    std::chrono::month(month.value_or(0))};
  if (!year || !out.ok() || !is_in_range(out.year())) {
    return fail(Code::kInvalid, fmt::format("expected a month such as 2026-11, got '{}'", text), Fault::kClient);
  }
  return out;
}

std::string to_string(std::chrono::year_month month) {
  return fmt::format("{:04}-{:02}", static_cast<int>(month.year()), static_cast<unsigned>(month.month()));
}

std::string show_day(std::uint32_t minute, minutes utc_offset) {
  const year_month_day day{std::chrono::floor<days>(std::chrono::sys_time<minutes>(minutes(minute)) + utc_offset)};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

Result<std::uint32_t> parse_day(std::string_view text, minutes utc_offset) {
  const auto wrong = [&] {
    return fail(Code::kInvalid, fmt::format("expected a day such as 2026-11-03, got '{}'", text), Fault::kClient);
  };
  if (text.size() != 10 || text[7] != '-') return wrong();
  const auto month = parse_month(text.substr(0, 7));
  const auto day = parse_u32(text.substr(8), 31);
  if (!month || !day) return wrong();
  const year_month_day out = *month / std::chrono::day(*day);
  if (!out.ok()) return wrong();
  return to_minute(out, utc_offset);
}

}  // namespace yz::billing
