// Random months under random plans against a second, naive reading of docs/operate/billing.md: everything is written
// out point by point and sorted whole, fractions are kept as they come. Equal to the micro-unit, item by item.
// YZ_ORACLE_SEEDS sets how many months; every mode is in each.

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/random.h"
#include "billing/testing.h"

namespace yz::billing {
namespace {

using nlohmann::json;
using Int = __int128;

struct Fraction {
  Int above = 0;
  Int below = 1;
};

constexpr const char* kCountries[] = {"CN", "HK", "US", ""};
constexpr const char* kModes[] = {"traffic",          "day_peak",
                                  "month_95",         "month_95_night_half",
                                  "average_day_peak", "fourth_day_peak",
                                  "average_day_95",   "top_five_days",
                                  "requests",         "fixed"};
constexpr const char* kClassNames[] = {"plain_static", "plain_dynamic", "tls_static", "tls_dynamic", "quic"};

// --- the naive reading: works on the plan's JSON, not on the room's types ---

using Day = std::vector<UsagePoint>;  // 288

std::string region_name(const json& plan, const std::string& country) {
  std::string rest;
  for (const json& region : plan["regions"]) {
    for (const json& one : region["countries"]) {
      if (one == country) return region["name"];
      if (one == "*") rest = region["name"];
    }
  }
  return rest;
}

std::vector<Day> write_out(const json& plan, const json& item,
                           const std::vector<std::pair<std::string, UsagePoint>>& usage, std::uint32_t from,
                           std::uint32_t days) {
  std::vector<Day> out(days, Day(288));
  const json regions = item.value("regions", json::array());
  std::map<std::string, bool> is_in;
  for (const char* country : kCountries) {
    is_in[country] = std::find(regions.begin(), regions.end(), region_name(plan, country)) != regions.end();
  }
  for (const auto& [country, point] : usage) {
    if (point.minute < from || point.minute >= from + days * 1440 || !is_in.at(country)) continue;
    UsagePoint& into = out[(point.minute - from) / 1440][(point.minute - from) % 1440 / 5];
    into.bytes += point.bytes;
    for (int i = 0; i < 5; ++i)
      into.requests[static_cast<std::size_t>(i)] += point.requests[static_cast<std::size_t>(i)];
  }
  const auto overhead = plan["overhead_permille"].get<std::uint64_t>();
  for (Day& day : out) {
    for (UsagePoint& point : day) {
      point.bytes = (point.bytes * overhead * 2 + 1000) / 2000;
    }
  }
  return out;
}

Int as_micros(const json& text) {
  const auto value = text.get<std::string>();
  Int out = 0;
  int decimals = -1;
  for (const char c : value) {
    if (c == '.') {
      decimals = 0;
      continue;
    }
    out = out * 10 + (c - '0');
    if (decimals >= 0) ++decimals;
  }
  for (int i = std::max(decimals, 0); i < 6; ++i) out *= 10;
  return out;
}

Fraction naive_cost(const json& price, Fraction value) {
  if (price.is_string()) return {value.above * as_micros(price), value.below};
  Int money = 0;
  Int before = 0;
  for (const json& tier : price["tiers"]) {
    const Int end = tier.contains("up_to") ? Int{tier["up_to"].get<std::int64_t>()} * value.below : value.above;
    const bool is_in = !tier.contains("up_to") || value.above <= end;
    if (price["kind"] == "reach") {
      if (is_in) return {value.above * as_micros(tier["price"]), value.below};
      continue;
    }
    money += ((is_in ? value.above : end) - before) * as_micros(tier["price"]);
    if (is_in) break;
    before = end;
  }
  return {money, value.below};
}

Fraction with_commit(const json& item, Fraction value) {
  if (!item.contains("commit")) return naive_cost(item["price"], value);
  const Int committed = Int{item["commit"]["mbps"].get<std::int64_t>()} * value.below;
  const Int more = std::max<Int>(0, value.above - committed);
  if (!item["commit"].contains("overage")) return naive_cost(item["price"], {committed + more, value.below});
  Fraction out = naive_cost(item["price"], {committed, value.below});
  out.above += more * as_micros(item["commit"]["overage"]);
  return out;
}

std::int64_t rounded(Fraction value) {
  return static_cast<std::int64_t>((2 * value.above + value.below) / (2 * value.below));
}

std::vector<std::uint64_t> falling(std::vector<std::uint64_t> values) {
  std::sort(values.rbegin(), values.rend());
  return values;
}

int minute_of(const std::string& text) { return std::stoi(text.substr(0, 2)) * 60 + std::stoi(text.substr(3)); }

/// Mbit/s of a month mode over the days that count.
Fraction naive_bandwidth(const json& item, const std::vector<Day>& days) {
  const Int unit = 300 * Int{1'000'000};  // bits in 300 s of 1 Mbit/s
  const std::string mode = item["mode"];
  const bool has_night = mode == "month_95_night_half";
  const int from = has_night ? minute_of(item["night_from"]) : 0;
  const int until = has_night ? minute_of(item["night_until"]) : 0;
  std::vector<std::uint64_t> all, peaks, p95s, fifths;
  for (const Day& day : days) {
    std::vector<std::uint64_t> own;
    for (std::size_t i = 0; i < 288; ++i) {
      std::uint64_t weight = 2;
      if (has_night) {
        const int now = static_cast<int>(i) * 5;
        const bool night = from <= until ? now >= from && now < until : now >= from || now < until;
        weight = night ? 1 : 2;
      }
      all.push_back(day[i].bytes * weight);
      own.push_back(day[i].bytes);
    }
    own = falling(own);
    peaks.push_back(own[0]), fifths.push_back(own[4]), p95s.push_back(own[14]);
  }
  if (days.empty()) return {};
  const auto average = [&](const std::vector<std::uint64_t>& values) {
    Int sum = 0;
    for (const std::uint64_t value : values) sum += value;
    return Fraction{sum * 8, unit * static_cast<Int>(values.size())};
  };
  if (mode == "month_95" || mode == "month_95_night_half")
    return {Int{falling(all)[all.size() * 5 / 100]} * 8, unit * 2};
  if (mode == "average_day_peak") return average(peaks);
  if (mode == "average_day_95") return average(p95s);
  if (mode == "fourth_day_peak") return {Int{falling(peaks)[std::min<std::size_t>(peaks.size(), 4) - 1]} * 8, unit};
  fifths = falling(fifths);
  fifths.resize(std::min<std::size_t>(fifths.size(), 5));
  return average(fifths);
}

Fraction naive_requests(const json& item, const std::vector<Day>& days) {
  const Int per = item["per"].get<std::int64_t>();
  bool counted[5] = {};
  for (std::size_t c = 0; c < 5; ++c) {
    for (const json& name : item["classes"]) counted[c] = counted[c] || name == kClassNames[c];
  }
  Int total = 0, hours = 0, whole_days = 0;
  for (const Day& day : days) {
    Int of_day = 0;
    for (std::size_t hour = 0; hour < 24; ++hour) {
      Int of_hour = 0;
      for (std::size_t i = hour * 12; i < hour * 12 + 12; ++i) {
        for (std::size_t c = 0; c < 5; ++c) {
          if (counted[c]) of_hour += day[i].requests[c];
        }
      }
      of_day += of_hour;
      hours += of_hour / per + (of_hour % per != 0 ? 1 : 0);
    }
    total += of_day;
    whole_days += of_day / per + (of_day % per != 0 ? 1 : 0);
  }
  const std::string round_up = item["round_up"];
  if (round_up == "never") return {total, per};
  if (round_up == "hour") return {hours, 1};
  if (round_up == "day") return {whole_days, 1};
  return {total / per + (total % per != 0 ? 1 : 0), 1};
}

struct NaivePackage {
  std::string id, item;
  std::uint64_t left;
  std::uint32_t from, until;
};

std::int64_t naive_amount(const json& plan, const json& item, const std::vector<Day>& written, std::uint32_t from,
                          std::uint32_t month_days, std::vector<NaivePackage>& packages) {
  const std::string mode = item["mode"];
  const auto prorated = [&](Fraction value, std::size_t days) {
    return rounded({value.above * static_cast<Int>(days), value.below * static_cast<Int>(month_days)});
  };
  if (mode == "fixed") return prorated({as_micros(item["price"]), 1}, written.size());
  if (mode == "requests") return rounded(naive_cost(item["price"], naive_requests(item, written)));
  if (mode == "traffic") {
    Int paid = 0;
    for (std::size_t d = 0; d < written.size(); ++d) {
      for (std::size_t i = 0; i < 288; ++i) {
        std::uint64_t bytes = written[d][i].bytes;
        const std::uint32_t minute = from + static_cast<std::uint32_t>(d * 1440 + i * 5);
        while (bytes > 0) {
          NaivePackage* best = nullptr;
          for (NaivePackage& one : packages) {
            if (one.item != item["id"].get<std::string>() || one.left == 0 || minute < one.from || minute >= one.until)
              continue;
            if (best == nullptr || one.until < best->until || (one.until == best->until && one.id < best->id))
              best = &one;
          }
          if (best == nullptr) break;
          const std::uint64_t taken = std::min(bytes, best->left);
          bytes -= taken, best->left -= taken;
        }
        paid += bytes;
      }
    }
    const Int base = plan["gb_base"].get<std::int64_t>();
    return rounded(naive_cost(item["price"], {paid, base * base * base}));
  }
  std::vector<Day> counted;
  for (const Day& day : written) {
    const bool has_traffic = std::any_of(day.begin(), day.end(), [](const UsagePoint& p) { return p.bytes > 0; });
    if (has_traffic || !item.value("valid_days", false)) counted.push_back(day);
  }
  if (mode != "day_peak") return prorated(with_commit(item, naive_bandwidth(item, counted)), counted.size());
  std::int64_t sum = 0;
  for (const Day& day : counted) {
    std::uint64_t peak = 0;
    for (const UsagePoint& point : day) peak = std::max(peak, point.bytes);
    sum += rounded(with_commit(item, {Int{peak} * 8, Int{300'000'000}}));
  }
  return sum;
}

// --- random months ---

class RandomMonth {
 public:
  explicit RandomMonth(std::uint64_t seed) : random_(seed) {
    make_plan();
    make_period();
    make_usage();
    make_packages();
  }

  json plan;
  Period period;
  std::vector<std::pair<std::string, UsagePoint>> usage;
  std::vector<Package> packages;

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(std::uint64_t of) { return below(of) == 0; }

  std::string money() {
    return to_string(Micros{static_cast<std::int64_t>(below(chance(3) ? 5'000'000'000 : 2'000'000))});
  }

  json price(std::uint64_t scale) {
    if (chance(3)) return money();
    json tiers = json::array();
    std::uint64_t end = 0;
    for (std::uint64_t n = below(4); n > 0; --n)
      tiers.push_back({{"up_to", end += 1 + below(scale)}, {"price", money()}});
    tiers.push_back({{"price", money()}});
    return {{"kind", chance(2) ? "reach" : "progressive"}, {"tiers", tiers}};
  }

  json item(const std::string& mode, std::size_t number) {
    json out{{"id", "i" + std::to_string(number)}, {"mode", mode}};
    if (mode == "fixed") {
      out["price"] = money();
      return out;
    }
    out["regions"] = json::array({"a"});
    if (chance(2)) out["regions"].push_back("rest");
    out["price"] = price(mode == "traffic" ? 2000 : mode == "requests" ? 300 : 400);
    if (mode == "requests") {
      out["classes"] = json::array();
      for (const char* name : kClassNames) {
        if (chance(2)) out["classes"].push_back(name);
      }
      if (out["classes"].empty()) out["classes"].push_back("quic");
      out["per"] = 1 + below(20'000);
      constexpr const char* kRounding[] = {"never", "month", "day", "hour"};
      out["round_up"] = kRounding[below(4)];
    } else if (mode != "traffic") {
      out["valid_days"] = chance(2);
      if (chance(3)) {
        out["commit"] = {{"mbps", 1 + below(800)}};
        if (chance(2)) out["commit"]["overage"] = money();
      }
    }
    if (mode == "month_95_night_half") {
      const auto time = [&] {
        const std::uint64_t minute = below(288) * 5;
        return std::string{static_cast<char>('0' + minute / 600), static_cast<char>('0' + minute / 60 % 10), ':',
                           static_cast<char>('0' + minute % 60 / 10), static_cast<char>('0' + minute % 10)};
      };
      out["night_from"] = time(), out["night_until"] = time();
    }
    return out;
  }

  void make_plan() {
    json items = json::array();
    for (std::size_t i = 0; i < std::size(kModes); ++i) items.push_back(item(kModes[i], i));
    if (chance(2)) items.push_back(item("traffic", items.size()));
    constexpr const char* kOffsets[] = {"+08:00", "+00:00", "-09:30", "+05:45"};
    constexpr std::uint32_t kOverhead[] = {1000, 1070, 1100, 1999};
    plan = {{"gb_base", chance(2) ? 1000 : 1024},
            {"utc_offset", kOffsets[below(4)]},
            {"overhead_permille", kOverhead[below(4)]},
            {"regions", json::array({{{"name", "a"}, {"countries", json::array({"CN", "HK"})}},
                                     {{"name", "rest"}, {"countries", json::array({"*"})}}})},
            {"items", items}};
  }

  void make_period() {
    const auto offset = read_plan(plan)->utc_offset;
    const auto year = static_cast<int>(2024 + below(6));
    period = month_period({std::chrono::year(year), std::chrono::month(static_cast<unsigned>(1 + below(12)))}, offset);
    if (chance(3)) period.from_minute += static_cast<std::uint32_t>(below(period.month_days)) * kDayMinutes;
    if (chance(3)) period.until_minute -= static_cast<std::uint32_t>(below(period.days())) * kDayMinutes;
  }

  void make_usage() {
    const std::uint64_t gap = chance(3) ? 1 + below(3) : 1 + below(400);  // dense or sparse
    const std::uint64_t scale = chance(4) ? 3 : std::uint64_t{1} << (10 + below(30));
    for (const char* country : kCountries) {
      if (chance(3)) continue;
      std::uint64_t quiet_until = 0;
      // A little before and after the period as well.
      for (std::uint64_t minute = period.from_minute - 50; minute < period.until_minute + 50;
           minute += 5 * (1 + below(gap))) {
        if (chance(500)) quiet_until = minute + below(5 * 1440);
        if (minute < quiet_until) continue;
        UsagePoint point{.minute = static_cast<std::uint32_t>(minute), .bytes = below(scale)};
        for (auto& requests : point.requests) requests = chance(2) ? 0 : below(4000);
        usage.emplace_back(country, point);
      }
    }
  }

  void make_packages() {
    for (std::uint64_t n = below(4); n > 0; --n) {
      const std::uint64_t bytes = below(std::uint64_t{1} << (20 + below(24)));
      const auto from = period.from_minute - 1000 + static_cast<std::uint32_t>(below(20'000));
      packages.push_back({.id = "p" + std::to_string(n),
                          .item = chance(4) ? "i10" : "i0",
                          .bytes = bytes,
                          .used = bytes == 0 ? 0 : below(bytes),
                          .from_minute = from,
                          .until_minute = from + static_cast<std::uint32_t>(below(30'000))});
    }
  }

  Random random_;
};

void compare(std::uint64_t seed) {
  const RandomMonth one(seed);
  const auto plan = read_plan(one.plan);
  ASSERT_TRUE(plan) << seed << ": " << plan.error()[0].pointer << " " << plan.error()[0].message;
  Usage usage;
  for (const auto& [country, point] : one.usage) usage.add(country, point);
  const auto made = bill(*plan, usage, one.period, one.packages);
  ASSERT_TRUE(made) << seed << ": " << made.error().message;

  std::vector<NaivePackage> packages;
  for (const Package& p : one.packages)
    packages.push_back({p.id, p.item, p.bytes - p.used, p.from_minute, p.until_minute});
  std::map<std::string, std::int64_t> amounts;
  for (const Line& line : made->lines) amounts[line.item] += line.amount.value;
  std::int64_t sum = 0;
  for (const json& item : one.plan["items"]) {
    const auto days = write_out(one.plan, item, one.usage, one.period.from_minute, one.period.days());
    const std::int64_t expected =
        naive_amount(one.plan, item, days, one.period.from_minute, one.period.month_days, packages);
    EXPECT_EQ(amounts[item["id"]], expected) << "seed " << seed << ", item " << item;
    sum += expected;
  }
  EXPECT_EQ(made->total.value, sum) << seed;
  for (std::size_t i = 0; i < packages.size(); ++i) {
    EXPECT_EQ(made->packages[i].bytes - made->packages[i].used, packages[i].left) << seed;
  }
}

TEST(Oracle, RandomMonthsUnderEveryModeAreEqualToTheMicroUnit) {
  const char* asked = std::getenv("YZ_ORACLE_SEEDS");
  const std::uint64_t seeds = asked == nullptr ? 100 : std::strtoull(asked, nullptr, 10);
  const char* first = std::getenv("YZ_ORACLE_FIRST");
  const std::uint64_t begin = first == nullptr ? 1 : std::strtoull(first, nullptr, 10);
  for (std::uint64_t seed = begin; seed < begin + seeds && !::testing::Test::HasFailure(); ++seed) compare(seed);
}

}  // namespace
}  // namespace yz::billing
