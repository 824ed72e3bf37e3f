#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace yz::http {

using DateTime = std::chrono::sys_seconds;

/// Any of the three forms of RFC 9110 §5.6.7: IMF-fixdate, RFC 850, asctime. Exact spelling, GMT only; a wrong weekday
/// is let pass. A two-digit year more than 50 years after `now` is in the past. None for anything else.
[[nodiscard]] std::optional<DateTime> parse_date(std::string_view text, WallTime now);

/// "Sun, 06 Nov 1994 08:49:37 GMT", 29 characters.
class DateText {
 public:
  explicit DateText(DateTime time);
  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 29> text_{};
};

}  // namespace yz::http
