#include "billing/usage.h"

#include <algorithm>
#include <cstddef>
#include <functional>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"

namespace yz::billing {

UsagePoint& UsagePoint::operator+=(const UsagePoint& other) {
  bytes += other.bytes;
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i] += other.requests[i];
  return *this;
}

void Usage::add(const std::string& country, const UsagePoint& point) {
  std::vector<UsagePoint>& points = countries_[country];
  const auto at = points.empty() || points.back().minute < point.minute
                      ? points.end()
                      : std::ranges::lower_bound(points, point.minute, {}, &UsagePoint::minute);
  if (at != points.end() && at->minute == point.minute) {
    *at += point;
  } else {
    points.insert(at, point);
  }
}

void Usage::add(const Usage& other) {
  for (const auto& [country, points] : other.countries_) {
    for (const UsagePoint& point : points) add(country, point);
  }
}

Usage Usage::between(std::uint32_t from_minute, std::uint32_t until_minute) const {
  Usage out;
  for (const auto& [country, points] : countries_) {
    const auto first = std::ranges::lower_bound(points, from_minute, {}, &UsagePoint::minute);
    const auto last = std::ranges::lower_bound(points, until_minute, {}, &UsagePoint::minute);
    if (first < last) out.countries_[country].assign(first, last);
  }
  return out;
}

std::string Usage::hash() const {
  std::string text;
  for (const auto& [country, points] : countries_) {
    for (const UsagePoint& point : points) {
      if (point == UsagePoint{.minute = point.minute}) continue;
      fmt::format_to(std::back_inserter(text), "{} {} {}", country, point.minute, point.bytes);
      for (const std::uint64_t requests : point.requests) fmt::format_to(std::back_inserter(text), " {}", requests);
      text.push_back('\n');
    }
  }
  return to_hex(sha256(text));
}

std::uint64_t percentile_95(std::vector<std::uint64_t> values) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 20);
  std::ranges::nth_element(values, at, std::greater());
  return *at;
}

}  // namespace yz::billing
