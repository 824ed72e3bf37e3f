#include "billing/bill.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "billing/item_points.h"

namespace yz::billing {
namespace {

constexpr std::uint64_t kBytesPerMbps = 37'500'000;  // of a five-minute point
constexpr std::size_t kPointsPerHour = 12;

Wide gigabyte(const Plan& plan) { return Wide{plan.gb_base} * plan.gb_base * plan.gb_base; }

/// The tier a value reaches: the first whose end is not below it.
std::size_t reached_tier(const Price& price, const Ratio& value) {
  std::size_t i = 0;
  while (price.tiers[i].up_to && value.num > Wide{*price.tiers[i].up_to} * value.den) ++i;
  return i;
}

Wide micros(Micros price) { return static_cast<Wide>(price.value); }

/// What a value costs, exactly.
Ratio cost(const Price& price, const Ratio& value) {
  if (price.kind != PriceKind::kProgressive) {
    return {value.num * micros(price.tiers[reached_tier(price, value)].price), value.den};
  }
  Ratio out{0, value.den};
  Wide begun = 0;  // value.num up to which the tiers before reach
  for (const PriceTier& tier : price.tiers) {
    const Wide end = tier.up_to ? std::min(value.num, Wide{*tier.up_to} * value.den) : value.num;
    if (end <= begun) break;
    out.num += (end - begun) * micros(tier.price);
    begun = end;
  }
  return out;
}

/// The tiers that count for a value.
std::vector<PriceTier> tiers_of(const Price& price, const Ratio& value) {
  if (price.kind == PriceKind::kFlat) return {price.tiers.front()};
  const auto reached = price.tiers.begin() + static_cast<std::ptrdiff_t>(reached_tier(price, value));
  if (price.kind == PriceKind::kReach) return {*reached};
  return {price.tiers.begin(), reached + 1};
}

/// Makes an item's lines one after the other; remembers the first failure.
class LineMaker {
 public:
  LineMaker(const Plan& plan, const Period& period, Bill& out) : plan_(plan), period_(period), out_(out) {}

  Status make(const Item& item, const ItemPoints& points) {
    switch (item.mode) {
      case Mode::kTraffic:
        return traffic(item, points);
      case Mode::kDayPeak:
        return day_peaks(item, points);
      case Mode::kRequests:
        return requests(item, points);
      case Mode::kFixed:
        return add(item, "", {{1, 1}, {}}, Unit::kMonth, prorated(cost(item.price, {1, 1}), period_.days()));
      default:
        return month(item, points);
    }
  }

 private:
  Status add(const Item& item, std::string day, Quantity quantity, Unit unit, const Ratio& amount) {
    const auto rounded = round_half_up(amount);
    if (!rounded) return fail(Code::kLimit, fmt::format("item '{}' costs more than can be written", item.id));
    out_.lines.push_back({.item = item.id,
                          .label = item.label,
                          .day = std::move(day),
                          .terms = Terms{.quantity = show_ratio(quantity.value, 6),
                                         .unit = unit,
                                         .per = unit == Unit::kRequests ? item.per : 1,
                                         .pricing = item.price.kind,
                                         .tiers = tiers_of(item.price, quantity.value)},
                          .remarks = std::move(quantity.remarks),
                          .amount = *rounded});
    return {};
  }

  [[nodiscard]] Ratio prorated(const Ratio& amount, std::size_t days) const {
    return {amount.num * days, amount.den * period_.month_days};
  }

  /// Packages take what they cover, point by point in the order of time; the rest is priced.
  Status traffic(const Item& item, const ItemPoints& points) {
    std::vector<Package*> packages;
    for (Package& package : out_.packages) {
      if (package.item == item.id) packages.push_back(&package);
    }
    std::ranges::sort(packages, [](const Package* a, const Package* b) {
      return std::tie(a->until_minute, a->id) < std::tie(b->until_minute, b->id);
    });
    Wide priced = 0;
    Wide covered = 0;
    for (std::size_t i = 0; i < points.bytes().size(); ++i) {
      const auto minute = period_.from_minute + static_cast<std::uint32_t>(i) * kPointMinutes;
      std::uint64_t left = points.bytes()[i];
      for (Package* package : packages) {
        if (left == 0) break;
        if (minute < package->from_minute || minute >= package->until_minute) continue;
        const std::uint64_t taken = std::min(left, package->bytes - std::min(package->bytes, package->used));
        package->used += taken;
        covered += taken;
        left -= taken;
      }
      priced += left;
    }
    Quantity quantity{{priced, gigabyte(plan_)}, {}};
    if (covered > 0) {
      quantity.remarks.push_back({RemarkKind::kFromPackages, {show_ratio({covered, gigabyte(plan_)}, 6)}});
    }
    if (plan_.gb_base != 1000) quantity.remarks.push_back({RemarkKind::kGbBase, {std::to_string(plan_.gb_base)}});
    const Ratio amount = cost(item.price, quantity.value);
    return add(item, "", std::move(quantity), Unit::kGb, amount);
  }

  /// What a bandwidth costs, a commitment included.
  [[nodiscard]] static Ratio bandwidth_cost(const Item& item, const Ratio& value, std::vector<Remark>& remarks) {
    if (!item.commit) return cost(item.price, value);
    const Wide committed = Wide{item.commit->mbps} * value.den;
    remarks.push_back({RemarkKind::kCommitted, {std::to_string(item.commit->mbps)}});
    const Ratio paid{std::max(committed, value.num), value.den};
    if (!item.commit->overage) return cost(item.price, paid);
    Ratio out = cost(item.price, {committed, value.den});
    out.num += (paid.num - committed) * micros(*item.commit->overage);
    remarks.push_back({RemarkKind::kOverage, {to_string(*item.commit->overage)}});
    return out;
  }

  Status day_peaks(const Item& item, const ItemPoints& points) {
    for (const std::uint32_t day : points.days()) {
      Quantity quantity{{points.nth_of_day(day, 0), kBytesPerMbps}, {}};
      const Ratio amount = bandwidth_cost(item, quantity.value, quantity.remarks);
      YZ_CHECK(add(item, show_day(period_.from_minute + day * kDayMinutes, plan_.utc_offset), std::move(quantity),
                   Unit::kMbpsDay, amount));
    }
    return {};
  }

  Status month(const Item& item, const ItemPoints& points) {
    Quantity quantity = month_bandwidth(item, points);
    const std::size_t days = points.days().size();
    const Ratio amount = prorated(bandwidth_cost(item, quantity.value, quantity.remarks), days);
    if (days != period_.month_days) {
      quantity.remarks.push_back(
          {RemarkKind::kPartOfMonth, {std::to_string(days), std::to_string(period_.month_days)}});
    }
    return add(item, "", std::move(quantity), Unit::kMbpsMonth, amount);
  }

  Status requests(const Item& item, const ItemPoints& points) {
    const std::size_t all = points.requests().size();
    Quantity quantity{{0, 1}, {}};
    if (item.round_up == RoundUp::kNever) {
      quantity.value = {points.sum_of(points.requests(), 0, all), item.per};
    } else {
      const std::size_t step = item.round_up == RoundUp::kMonth ? all
                               : item.round_up == RoundUp::kDay ? kPointsPerDay
                                                                : kPointsPerHour;
      for (std::size_t first = 0; first < all; first += step) {
        quantity.value.num += (points.sum_of(points.requests(), first, step) + item.per - 1) / item.per;
      }
    }
    const Ratio amount = cost(item.price, quantity.value);
    return add(item, "", std::move(quantity), Unit::kRequests, amount);
  }

  const Plan& plan_;
  const Period& period_;
  Bill& out_;
};

Result<Micros> total_of(const std::vector<Line>& lines) {
  std::int64_t sum = 0;
  for (const Line& line : lines) {
    if (__builtin_add_overflow(sum, line.amount.value, &sum)) return fail(Code::kLimit, "the total cannot be written");
  }
  return Micros{sum};
}

}  // namespace

Result<Bill> bill(const Plan& plan, const Usage& usage, const Period& period, std::vector<Package> packages) {
  Bill out{.period = period, .lines = {}, .packages = std::move(packages), .total = {}};
  LineMaker maker(plan, period, out);
  for (const Item& item : plan.items) {
    YZ_TRY(const ItemPoints points, ItemPoints::collect(plan, item, usage, period));
    YZ_CHECK(maker.make(item, points));
  }
  if (plan.overhead_permille != 1000) {
    const std::string factor = fmt::format("{}.{:03}", plan.overhead_permille / 1000, plan.overhead_permille % 1000);
    for (Line& line : out.lines) line.remarks.push_back({RemarkKind::kOverhead, {factor}});
  }
  YZ_TRY(out.total, total_of(out.lines));
  return out;
}

std::vector<Line> adjustments(const Bill& before, const Bill& now, const std::string& month) {
  struct Change {
    std::string label;
    std::int64_t amount = 0;
  };
  std::map<std::string, Change> changes;
  for (const Line& line : now.lines) {
    changes[line.item].label = line.label;
    changes[line.item].amount += line.amount.value;
  }
  for (const Line& line : before.lines) {
    changes[line.item].label = line.label;
    changes[line.item].amount -= line.amount.value;
  }
  std::vector<Line> out;
  for (const auto& [item, change] : changes) {
    if (change.amount == 0) continue;
    out.push_back({.item = item,
                   .label = change.label,
                   .day = "",
                   .terms = {},
                   .remarks = {{RemarkKind::kLate, {month}}},
                   .amount = {change.amount}});
  }
  return out;
}

nlohmann::json to_json(const Package& package) {
  return {{"id", package.id},
          {"item", package.item},
          {"bytes", package.bytes},
          {"used", package.used},
          {"from_minute", package.from_minute},
          {"until_minute", package.until_minute}};
}

nlohmann::json to_json(const Bill& bill) {
  nlohmann::json lines = nlohmann::json::array();
  for (const Line& line : bill.lines) lines.push_back(to_json(line));
  nlohmann::json packages = nlohmann::json::array();
  for (const Package& package : bill.packages) packages.push_back(to_json(package));
  return {{"from_minute", bill.period.from_minute},
          {"until_minute", bill.period.until_minute},
          {"lines", std::move(lines)},
          {"packages", std::move(packages)},
          {"total", to_string(bill.total)}};
}

}  // namespace yz::billing
