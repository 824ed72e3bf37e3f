#include "http/date.h"

#include <algorithm>

#include "base/text.h"

namespace yz::http {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

struct Parts {
  std::string_view year, month, day, time;
};

std::optional<unsigned> number(std::string_view text) {
  const auto value = parse_u32(text, 9999);
  return value ? std::optional<unsigned>(*value) : std::nullopt;
}

std::optional<std::chrono::seconds> parse_time(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto h = number(text.substr(0, 2));
  const auto m = number(text.substr(3, 2));
  const auto s = number(text.substr(6, 2));
  if (!h || !m || !s || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
  return std::chrono::hours(*h) + std::chrono::minutes(*m) + std::chrono::seconds(std::min(*s, 59U));
}

std::optional<DateTime> assemble(int year, const Parts& parts) {
  const auto month = std::find_if(kMonths.begin(), kMonths.end(),
                                  [&](std::string_view name) { return equals_ignoring_case(name, parts.month); });
  const auto day = number(parts.day);
  const auto time = parse_time(parts.time);
  if (month == kMonths.end() || !day || !time) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + *time;
}

bool is_day(std::string_view text, bool full) {
  return std::any_of(kDays.begin(), kDays.end(),
                     [&](std::string_view day) { return equals_ignoring_case(text, full ? day : day.substr(0, 3)); });
}

bool ends_in_gmt(std::string_view text) { return equals_ignoring_case(text.substr(text.size() - 4), " GMT"); }

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<DateTime> parse_imf(std::string_view t) {
  if (t.size() != 29 || t[7] != ' ' || t[11] != ' ' || t[16] != ' ' || !ends_in_gmt(t)) return std::nullopt;
  if (!is_day(t.substr(0, 3), false)) return std::nullopt;
  const auto year = number(t.substr(12, 4));
  if (!year) return std::nullopt;
  return assemble(static_cast<int>(*year), {t.substr(12, 4), t.substr(8, 3), t.substr(5, 2), t.substr(17, 8)});
}

/// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<DateTime> parse_850(std::string_view t, WallTime now) {
  const auto comma = t.find(", ");
  if (comma == std::string_view::npos || !is_day(t.substr(0, comma), true)) return std::nullopt;
  t.remove_prefix(comma + 2);
  if (t.size() != 22 || t[2] != '-' || t[6] != '-' || t[9] != ' ' || !ends_in_gmt(t)) return std::nullopt;
  const auto two_digits = number(t.substr(7, 2));
  if (!two_digits) return std::nullopt;
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  const int this_year = static_cast<int>(today.year());
  int year = this_year - this_year % 100 + static_cast<int>(*two_digits);
  if (year > this_year + 50) year -= 100;
  return assemble(year, {t.substr(7, 2), t.substr(3, 3), t.substr(0, 2), t.substr(10, 8)});
}

/// "Sun Nov  6 08:49:37 1994"
std::optional<DateTime> parse_asctime(std::string_view t) {
  if (t.size() != 24 || t[3] != ' ' || t[7] != ' ' || t[10] != ' ' || t[19] != ' ') return std::nullopt;
  if (!is_day(t.substr(0, 3), false)) return std::nullopt;
  const auto year = number(t.substr(20, 4));
  if (!year) return std::nullopt;
  const std::string_view day = t[8] == ' ' ? t.substr(9, 1) : t.substr(8, 2);
  return assemble(static_cast<int>(*year), {t.substr(20, 4), t.substr(4, 3), day, t.substr(11, 8)});
}

}  // namespace

std::optional<DateTime> parse_date(std::string_view text, WallTime now) {
  if (text.size() < 24) return std::nullopt;
  if (text[3] == ',') return parse_imf(text);
  return text[3] == ' ' ? parse_asctime(text) : parse_850(text, now);
}

DateText::DateText(DateTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const auto weekday = std::chrono::weekday(days).c_encoding();
  const auto second = static_cast<unsigned>((time - days).count());
  const auto put = [&](std::size_t at, unsigned value, std::size_t width) {
    for (std::size_t i = width; i-- > 0; value /= 10) text_[at + i] = static_cast<char>('0' + value % 10);
  };
  constexpr std::string_view kTemplate = "Sun, 06 Nov 1994 08:49:37 GMT";
  std::copy(kTemplate.begin(), kTemplate.end(), text_.begin());
  std::copy_n(kDays[weekday].begin(), 3, text_.begin());
  put(5, static_cast<unsigned>(date.day()), 2);
  std::copy_n(kMonths[static_cast<unsigned>(date.month()) - 1].begin(), 3, text_.begin() + 8);
  put(12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put(17, second / 3600, 2);
  put(20, second / 60 % 60, 2);
  put(23, second % 60, 2);
}

}  // namespace yz::http
