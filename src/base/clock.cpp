#include "base/clock.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace yz {

using std::chrono::milliseconds;

WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
}

MonoTime SystemClock::mono() const { return std::chrono::steady_clock::now(); }

const SystemClock& SystemClock::instance() {
  static const SystemClock clock;
  return clock;
}

ManualClock::ManualClock(WallTime wall) : wall_ms_(wall.time_since_epoch().count()) {}

WallTime ManualClock::wall() const { return WallTime(milliseconds(wall_ms_.load())); }

MonoTime ManualClock::mono() const { return MonoTime(milliseconds(mono_ms_.load())); }

void ManualClock::advance(milliseconds by) {
  wall_ms_ += by.count();
  mono_ms_ += by.count();
}

void ManualClock::set_wall(WallTime to) { wall_ms_ = to.time_since_epoch().count(); }

std::string format_rfc3339(WallTime time) {
  using std::chrono::year;
  constexpr WallTime kFirst{std::chrono::sys_days(year(0) / 1 / 1)};
  constexpr WallTime kLast = WallTime(std::chrono::sys_days(year(10000) / 1 / 1)) - milliseconds(1);
  time = std::clamp(time, kFirst, kLast);
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

namespace {

/// Reads exactly `width` digits at `pos`; -1 when they are not there.
int digits(std::string_view text, std::size_t pos, std::size_t width) {
  if (pos + width > text.size()) return -1;
  int value = 0;
  for (std::size_t i = pos; i < pos + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::kInvalid, fmt::format("'{}' is not a time; expected RFC 3339, as 2026-01-31T12:00:00Z", text));
  };
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return bad();
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return bad();
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return bad();
  std::size_t pos = 19;
  int millis = 0;
  if (pos < text.size() && text[pos] == '.') {
    int scale = 100;
    const std::size_t start = ++pos;
    for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos, scale /= 10) {
      millis += (text[pos] - '0') * scale;
    }
    if (pos == start) return bad();
  }
  int offset_minutes = 0;
  if (pos + 1 == text.size() && (text[pos] == 'Z' || text[pos] == 'z')) {
    ++pos;
  } else if (pos + 6 == text.size() && (text[pos] == '+' || text[pos] == '-') && text[pos + 3] == ':') {
    const int hours = digits(text, pos + 1, 2), minutes = digits(text, pos + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return bad();
    offset_minutes = (text[pos] == '-' ? -1 : 1) * (hours * 60 + minutes);
  } else {
    return bad();
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute - offset_minutes) + std::chrono::seconds(second) + milliseconds(millis);
}

Result<milliseconds> parse_duration(std::string_view text) {
  std::size_t split = 0;
  while (split < text.size() && text[split] >= '0' && text[split] <= '9') ++split;
  const auto number = parse_u64(text.substr(0, split));
  const std::string_view unit = text.substr(split);
  std::int64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  if (unit == "d") scale = 86'400'000;
  if (!number || scale == 0 || *number > static_cast<std::uint64_t>(INT64_MAX / scale)) {
    return fail(Code::kInvalid, fmt::format("'{}' is not a duration; expected a number with ms, s, m, h or d", text));
  }
  return milliseconds(static_cast<std::int64_t>(*number) * scale);
}

}  // namespace yz
