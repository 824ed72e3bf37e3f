#include "billing/item_points.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

namespace yz::billing {
namespace {

/// bytes in 300 s are bytes × 8 / 300 bit/s; this many of them are 1 Mbit/s.
constexpr std::uint64_t kBytesPerMbps = 37'500'000;
constexpr std::size_t kDay95 = kPointsPerDay / 20;  // the 15th highest of 288

bool is_night(const Item& item, std::uint32_t minute_of_day) {
  if (item.night_from <= item.night_until) return minute_of_day >= item.night_from && minute_of_day < item.night_until;
  return minute_of_day >= item.night_from || minute_of_day < item.night_until;
}

Quantity percentile(std::vector<std::uint64_t> values, std::uint64_t per_mbps) {
  if (values.empty()) return {{0, per_mbps}, {{RemarkKind::kNoDays, {}}}};
  Remark remark{RemarkKind::kPercentile, {std::to_string(values.size()), std::to_string(values.size() / 20)}};
  return {{percentile_95(std::move(values)), per_mbps}, {std::move(remark)}};
}

Quantity month_95(const Item& item, const ItemPoints& points) {
  // Twice the weight: 2 by day, 1 by night where the night counts half.
  const bool halves_night = item.mode == Mode::kMonth95NightHalf;
  std::vector<std::uint64_t> values;
  values.reserve(points.days().size() * kPointsPerDay);
  for (const std::uint32_t day : points.days()) {
    for (std::uint32_t i = 0; i < kPointsPerDay; ++i) {
      const std::uint64_t bytes = points.bytes()[std::size_t{day} * kPointsPerDay + i];
      values.push_back(bytes * (halves_night && is_night(item, i * kPointMinutes) ? 1 : 2));
    }
  }
  return percentile(std::move(values), 2 * kBytesPerMbps);
}

std::vector<std::uint64_t> each_day(const ItemPoints& points, std::size_t nth) {
  std::vector<std::uint64_t> values;
  for (const std::uint32_t day : points.days()) values.push_back(points.nth_of_day(day, nth));
  return values;
}

Quantity mean(const std::vector<std::uint64_t>& values, RemarkKind what) {
  if (values.empty()) return {{0, kBytesPerMbps}, {{RemarkKind::kNoDays, {}}}};
  Wide sum = 0;
  for (const std::uint64_t value : values) sum += value;
  return {{sum, Wide{kBytesPerMbps} * values.size()}, {{what, {std::to_string(values.size())}}}};
}

Quantity fourth_peak(const ItemPoints& points) {
  std::vector<std::uint64_t> peaks = each_day(points, 0);
  if (peaks.empty()) return {{0, kBytesPerMbps}, {{RemarkKind::kNoDays, {}}}};
  std::ranges::sort(peaks, std::greater());
  const std::size_t rank = std::min<std::size_t>(3, peaks.size() - 1);
  std::vector<Remark> remarks{{RemarkKind::kDailyPeak, {std::to_string(rank + 1), std::to_string(peaks.size())}}};
  if (peaks.size() < 4) remarks.push_back({RemarkKind::kFewDaysLast, {}});
  return {{peaks[rank], kBytesPerMbps}, std::move(remarks)};
}

Quantity top_five_days(const ItemPoints& points) {
  std::vector<std::uint64_t> values = each_day(points, 4);
  std::ranges::sort(values, std::greater());
  const bool is_short = values.size() < 5;
  values.resize(std::min<std::size_t>(values.size(), 5));
  Quantity out = mean(values, RemarkKind::kMeanOfTopDays);
  if (is_short) out.remarks.push_back({RemarkKind::kFewDaysAll, {}});
  return out;
}

}  // namespace

Result<ItemPoints> ItemPoints::collect(const Plan& plan, const Item& item, const Usage& usage, const Period& period) {
  ItemPoints out;
  out.bytes_.assign(std::size_t{period.days()} * kPointsPerDay, 0);
  out.requests_.assign(out.bytes_.size(), 0);
  const auto too_much = [](std::uint32_t minute) {
    return fail(Code::kLimit, fmt::format("usage of minute {} is beyond what a network can carry", minute));
  };
  for (const auto& [country, points] : usage.by_country()) {
    const std::string& region = plan.regions[region_of(plan, country)].name;
    if (std::ranges::find(item.regions, region) == item.regions.end()) continue;
    for (const UsagePoint& point : points) {
      if (!period.contains(point.minute)) continue;
      const std::size_t index = (point.minute - period.from_minute) / kPointMinutes;
      if (point.bytes > kMaxPoint || (out.bytes_[index] += point.bytes) > kMaxPoint) return too_much(point.minute);
      for (std::size_t i = 0; i < kRequestClasses; ++i) {
        if (!item.classes[i]) continue;
        if (point.requests[i] > kMaxPoint || (out.requests_[index] += point.requests[i]) > kMaxPoint) {
          return too_much(point.minute);
        }
      }
    }
  }
  for (std::uint64_t& bytes : out.bytes_) bytes = (bytes * plan.overhead_permille + 500) / 1000;
  for (std::uint32_t day = 0; day < period.days(); ++day) {
    if (!item.valid_days || out.nth_of_day(day, 0) > 0) out.days_.push_back(day);
  }
  return out;
}

std::uint64_t ItemPoints::nth_of_day(std::uint32_t day, std::size_t n) const {
  std::array<std::uint64_t, kPointsPerDay> points{};
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(std::size_t{day} * kPointsPerDay), kPointsPerDay,
              points.begin());
  const auto at = points.begin() + static_cast<std::ptrdiff_t>(n);
  std::ranges::nth_element(points, at, std::greater());
  return *at;
}

Wide ItemPoints::sum_of(const std::vector<std::uint64_t>& points, std::size_t first, std::size_t count) const {
  Wide sum = 0;
  for (std::size_t i = first; i < first + count; ++i) sum += points[i];
  return sum;
}

Quantity month_bandwidth(const Item& item, const ItemPoints& points) {
  switch (item.mode) {
    case Mode::kMonth95:
    case Mode::kMonth95NightHalf:
      return month_95(item, points);
    case Mode::kAverageDayPeak:
      return mean(each_day(points, 0), RemarkKind::kMeanOfPeaks);
    case Mode::kFourthDayPeak:
      return fourth_peak(points);
    case Mode::kAverageDay95:
      return mean(each_day(points, kDay95), RemarkKind::kMeanOfDay95);
    case Mode::kTopFiveDays:
      return top_five_days(points);
    default:
      YZ_ASSERT(false);
  }
  return {};
}

}  // namespace yz::billing
