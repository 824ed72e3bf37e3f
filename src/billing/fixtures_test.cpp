// Published examples and the corners of each formula, to the micro-unit. All amounts are computed by hand.

#include "billing/testing.h"

namespace yz::billing {
namespace {

using namespace testing;
using nlohmann::json;

constexpr std::uint64_t kGb = 1'000'000'000;

json tiers(const char* kind, std::initializer_list<std::pair<int, const char*>> list) {
  json out = json::array();
  for (const auto& [up_to, price] : list) {
    out.push_back({{"price", price}});
    if (up_to > 0) out.back()["up_to"] = up_to;
  }
  return {{"kind", kind}, {"tiers", out}};
}

/// A ramp: the points of the whole period get 1, 2, 3 … Mbit/s in an order that is not sorted.
Usage ramp(const Period& period) {
  Usage usage;
  const std::uint64_t count = std::uint64_t{period.days()} * kPointsPerDay;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t place = i * 7919 % count;  // a prime that divides no month
    put(usage, period, static_cast<std::uint32_t>(place / kPointsPerDay),
        static_cast<std::uint32_t>(place % kPointsPerDay), mbps(i + 1));
  }
  return usage;
}

TEST(Fixtures, ProgressiveTiersPriceEachPartOfTheMonthsTraffic) {
  // 10,300 GB at 0.20 up to 10,000 GB and 0.17 above: 2,000 + 51.
  const Plan plan = plan_of({{"mode", "traffic"}, {"price", tiers("progressive", {{10'000, "0.20"}, {0, "0.17"}})}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 0, 0, 10'000 * kGb);
  put(usage, period, 29, 287, 300 * kGb);
  EXPECT_EQ(total(plan, usage, period), "2051.00");
}

TEST(Fixtures, AReachTierPricesTheWholeValue) {
  // 912 Mbit/s on one day at 0.51, the price of the tier it reaches: 465.12.
  const Plan plan =
      plan_of({{"mode", "day_peak"}, {"price", tiers("reach", {{500, "0.58"}, {5'000, "0.51"}, {0, "0.45"}})}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 3, 100, mbps(912));
  put(usage, period, 3, 101, mbps(911));
  const auto made = bill(plan, usage, period, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->lines.size(), 30U) << "one line a day";
  EXPECT_EQ(to_string(made->lines[3].amount), "465.12");
  EXPECT_EQ(made->lines[3].day, "2026-11-04");
  EXPECT_EQ(quantity_text(*made->lines[3].terms), "912.000000 Mbit/s");
  EXPECT_EQ(to_string(made->total), "465.12");
}

TEST(Fixtures, ATiersEndBelongsToIt) {
  const Plan plan = plan_of({{"mode", "day_peak"}, {"price", tiers("reach", {{500, "2"}, {0, "1"}})}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 0, 0, mbps(500));
  EXPECT_EQ(total(plan, usage, period), "1000.00");
  put(usage, period, 0, 0, 1);  // one byte in five minutes more: the next tier
  EXPECT_EQ(total(plan, usage, period), "500.00") << "500.0000000266… Mbit/s at 1, rounded";
}

TEST(Fixtures, TheMonths95thIsTheRightPointInMonthsOfEveryLength) {
  const Plan plan = plan_of({{"mode", "month_95"}, {"price", "1"}});
  // N = 8064, 8352, 8640, 8928; k = 403, 417, 432, 446 are dropped; of 1 … N the value N - k is left.
  for (const auto& [number, year, expected] :
       {std::tuple{2U, 2026, "7661.00"}, {2U, 2028, "7935.00"}, {11U, 2026, "8208.00"}, {12U, 2026, "8482.00"}}) {
    const Period period = month(year, number);
    EXPECT_EQ(total(plan, ramp(period), period), expected) << year << "-" << number;
  }
}

TEST(Fixtures, MissingPointsAreZeroAndCountInTheRanking) {
  const Plan plan = plan_of({{"mode", "month_95"}, {"price", "1"}});
  const Period period = month(2026, 11);
  Usage usage;
  for (std::uint32_t i = 0; i < 432; ++i) put(usage, period, i / 288, i % 288, mbps(100));
  EXPECT_EQ(total(plan, usage, period), "0.00") << "432 points are dropped";
  put(usage, period, 9, 9, mbps(7));
  EXPECT_EQ(total(plan, usage, period), "7.00") << "the 433rd";
  put(usage, period, 9, 10, mbps(100));
  EXPECT_EQ(total(plan, usage, period), "100.00") << "ties";
}

TEST(Fixtures, DaysAndMonthsBeginInTheContractsTime) {
  const Plan plan = plan_of({{"mode", "day_peak"}, {"price", "1"}});
  const Period period = month(2026, 11);
  // 2026-11-01 00:00 at UTC+8 is 2026-10-31 16:00 UTC.
  const auto begin = static_cast<std::uint32_t>(
      std::chrono::minutes((std::chrono::sys_days(std::chrono::year(2026) / 10 / 31)).time_since_epoch()).count() +
      16 * 60);
  EXPECT_EQ(period.from_minute, begin);
  EXPECT_EQ(period.days(), 30U);
  Usage usage;
  usage.add("CN", {.minute = begin - 5, .bytes = mbps(1000)});            // October
  usage.add("CN", {.minute = begin, .bytes = mbps(1)});                   // November 1
  usage.add("CN", {.minute = begin + 1435, .bytes = mbps(2)});            // its last point
  usage.add("CN", {.minute = begin + 1440, .bytes = mbps(4)});            // November 2
  usage.add("CN", {.minute = period.until_minute, .bytes = mbps(1000)});  // December
  const auto made = bill(plan, usage, period, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(to_string(made->lines[0].amount), "2.00");
  EXPECT_EQ(to_string(made->lines[1].amount), "4.00");
  EXPECT_EQ(to_string(made->total), "6.00");
}

TEST(Fixtures, AnAccountsPointsAreSummedBeforeTheyAreRanked) {
  const Plan plan =
      plan_of({{"mode", "month_95"}, {"regions", {"cn"}}, {"price", "1"}},
              {{"regions", {{{"name", "cn"}, {"countries", {"CN", "HK"}}}, {{"name", "rest"}, {"countries", {"*"}}}}}});
  const Period period = month(2026, 11);
  Usage usage;
  // Each country alone has 300 points: below 432, so the sum of percentiles would be 0.
  for (std::uint32_t i = 0; i < 300; ++i) put(usage, period, i / 288, i % 288, mbps(10), "CN");
  for (std::uint32_t i = 0; i < 300; ++i) put(usage, period, 5 + i / 288, i % 288, mbps(20), "HK");
  for (std::uint32_t i = 0; i < 600; ++i) put(usage, period, 10 + i / 288, i % 288, mbps(99), "US");
  EXPECT_EQ(total(plan, usage, period), "10.00");
}

TEST(Fixtures, FourthPeakAndMeansOfDays) {
  const Period period = month(2026, 11);
  Usage usage;
  for (const auto& [day, peak] : {std::pair{0U, 50}, {4U, 90}, {8U, 70}, {12U, 60}, {16U, 80}}) {
    put(usage, period, day, 7, mbps(static_cast<std::uint64_t>(peak)));
  }
  EXPECT_EQ(total(plan_of({{"mode", "fourth_day_peak"}, {"price", "1"}}), usage, period), "60.00");
  EXPECT_EQ(total(plan_of({{"mode", "average_day_peak"}, {"price", "1"}}), usage, period), "11.666667") << "350 / 30";
  // With valid days: 350 / 5, of which 5 / 30 is paid.
  EXPECT_EQ(total(plan_of({{"mode", "average_day_peak"}, {"price", "1"}, {"valid_days", true}}), usage, period),
            "11.666667");
  EXPECT_EQ(total(plan_of({{"mode", "fourth_day_peak"}, {"price", "1"}, {"valid_days", true}}), usage, period),
            "10.00");
}

TEST(Fixtures, FewerThanFourDaysTakeTheLastPeakAndSayIt) {
  const Plan plan = plan_of({{"mode", "fourth_day_peak"}, {"price", "1"}, {"valid_days", true}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 1, 0, mbps(30));
  put(usage, period, 2, 0, mbps(15));
  const auto made = bill(plan, usage, period, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(to_string(made->total), "1.00") << "15 x 2 / 30";
  EXPECT_EQ(text_of(made->lines[0].remarks[1]), "fewer than 4 days: the last one");
  EXPECT_EQ(total(plan, Usage{}, period), "0.00");
}

TEST(Fixtures, Daily95thIsTheFifteenthHighestOfTheDay) {
  const Plan plan = plan_of({{"mode", "average_day_95"}, {"price", "1"}, {"valid_days", true}});
  const Period period = month(2026, 11);
  Usage usage;
  for (std::uint32_t i = 0; i < 288; ++i) put(usage, period, 0, i, mbps(i + 1));
  // 288 - 14 = 274; one valid day of 30.
  EXPECT_EQ(total(plan, usage, period), "9.133333");
}

TEST(Fixtures, TopFiveDaysAreOfEachDaysFifthHighest) {
  const Plan plan = plan_of({{"mode", "top_five_days"}, {"price", "1"}});
  const Period period = month(2026, 11);
  Usage usage;
  for (std::uint32_t day = 0; day < 7; ++day) {
    for (std::uint32_t i = 0; i < 10; ++i) put(usage, period, day, i, mbps((day + 1) * 100 + i));
  }
  // Fifth highest of day d is 100 d + 5; the five highest days are 3 to 7: mean 505.
  EXPECT_EQ(total(plan, usage, period), "505.00");
}

TEST(Fixtures, PointsOfTheNightCountHalf) {
  const Plan plan =
      plan_of({{"mode", "month_95_night_half"}, {"price", "1"}, {"night_from", "22:00"}, {"night_until", "06:00"}});
  const Period period = month(2026, 11);
  Usage usage;
  for (std::uint32_t day = 0; day < 30; ++day) {
    for (std::uint32_t i = 0; i < 288; ++i) put(usage, period, day, i, mbps(100));
  }
  EXPECT_EQ(total(plan, usage, period), "100.00") << "two thirds of the day are full";
  Usage night;
  for (std::uint32_t day = 0; day < 30; ++day) {
    for (std::uint32_t i = 264; i < 288; ++i) put(night, period, day, i, mbps(101));
    for (std::uint32_t i = 0; i < 72; ++i) put(night, period, day, i, mbps(101));
  }
  EXPECT_EQ(total(plan, night, period), "50.50");
}

TEST(Fixtures, ACommitmentIsTheLeastAndWhatIsAboveHasItsPrice) {
  const Period period = month(2026, 11);
  Usage usage;
  for (std::uint32_t i = 0; i < 500; ++i) put(usage, period, i / 288, i % 288, mbps(150));
  const auto with = [&](json commit) {
    return total(plan_of({{"mode", "month_95"}, {"price", "2"}, {"commit", std::move(commit)}}), usage, period);
  };
  EXPECT_EQ(with({{"mbps", 200}}), "400.00");
  EXPECT_EQ(with({{"mbps", 100}}), "300.00");
  EXPECT_EQ(with({{"mbps", 100}, {"overage", "3.5"}}), "375.00") << "100 x 2 + 50 x 3.5";
  EXPECT_EQ(with({{"mbps", 200}, {"overage", "3.5"}}), "400.00");
}

TEST(Fixtures, APlanOfAPartOfTheMonthCostsItsDays) {
  // A switch on the 6th: 26 of 31 days, factor 0.83870967….
  const Plan plan = plan_of({{"mode", "month_95"}, {"price", "100"}});
  Period period = month(2026, 12);
  period.from_minute += 5 * kDayMinutes;
  ASSERT_EQ(period.days(), 26U);
  Usage usage;
  for (std::uint32_t day = 0; day < 26; ++day) {
    for (std::uint32_t i = 0; i < 288; ++i) put(usage, period, day, i, mbps(1));
  }
  EXPECT_EQ(total(plan, usage, period), "83.870968");
  EXPECT_EQ(total(plan_of({{"mode", "fixed"}, {"price", "310"}}), usage, period), "260.00");
}

TEST(Fixtures, RequestsArePricedByBegunUnits) {
  const Period period = month(2026, 11);
  Usage usage;
  const auto add = [&](std::uint32_t minute, std::uint64_t tls, std::uint64_t plain) {
    UsagePoint point{.minute = period.from_minute + minute};
    point.requests[static_cast<std::size_t>(RequestClass::kTlsStatic)] = tls;
    point.requests[static_cast<std::size_t>(RequestClass::kPlainStatic)] = plain;
    usage.add("CN", point);
  };
  add(0, 1, 1'000'000);
  add(30, 10'000, 0);
  add(60, 1, 0);
  add(1440, 5'000, 0);
  const auto with = [&](const char* round_up) {
    return total(plan_of({{"mode", "requests"}, {"classes", {"tls_static"}}, {"price", "1"}, {"round_up", round_up}}),
                 usage, period);
  };
  EXPECT_EQ(with("never"), "1.5002");
  EXPECT_EQ(with("month"), "2.00");
  EXPECT_EQ(with("day"), "3.00") << "10,002 and 5,000";
  EXPECT_EQ(with("hour"), "4.00") << "10,001, 1 and 5,000";
}

TEST(Fixtures, PackagesGoFirstTheSoonestToEndBeforeTheOthers) {
  const Plan plan = plan_of({{"mode", "traffic"}, {"price", "1"}});
  const Period period = month(2026, 11);
  const auto package = [&](const char* id, std::uint64_t gb, std::uint32_t from, std::uint32_t until) {
    return Package{.id = id,
                   .item = "x",
                   .bytes = gb * kGb,
                   .used = 0,
                   .from_minute = period.from_minute + from,
                   .until_minute = period.from_minute + until};
  };
  Usage usage;
  put(usage, period, 0, 0, 10 * kGb);
  put(usage, period, 0, 5, 10 * kGb);  // 00:25
  put(usage, period, 0, 6, 10 * kGb);  // 00:30
  // "short" ends in the middle of the first hour, at 00:28: the point of 00:25 is its last.
  const std::vector<Package> packages{package("long", 100, 0, 999'999), package("short", 15, 0, 28)};
  const auto made = bill(plan, usage, period, packages);
  ASSERT_TRUE(made);
  EXPECT_EQ(to_string(made->total), "0.00");
  EXPECT_EQ(made->packages[0].used, 15 * kGb) << "5 at 00:25, 10 at 00:30";
  EXPECT_EQ(made->packages[1].used, 15 * kGb);
  const auto few = bill(plan, usage, period, {package("short", 100, 0, 28), package("later", 1, 30, 35)});
  ASSERT_TRUE(few);
  EXPECT_EQ(to_string(few->total), "9.00");
  EXPECT_EQ(few->packages[0].used, 20 * kGb) << "the rest of it is lost";
  EXPECT_EQ(text_of(few->lines[0].remarks[0]), "21.000000 GB from packages");
}

TEST(Fixtures, TheGigabyteAndTheOverheadAreTheContracts) {
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 0, 0, 1'073'741'824);
  EXPECT_EQ(total(plan_of({{"mode", "traffic"}, {"price", "1"}}, {{"gb_base", 1024}}), usage, period), "1.00");
  EXPECT_EQ(total(plan_of({{"mode", "traffic"}, {"price", "1"}}), usage, period), "1.073742");
  const Plan factor = plan_of({{"mode", "traffic"}, {"price", "1"}}, {{"overhead_permille", 1100}, {"gb_base", 1024}});
  const auto made = bill(factor, usage, period, {});
  ASSERT_TRUE(made);
  EXPECT_EQ(to_string(made->total), "1.10");
  EXPECT_EQ(text_of(made->lines[0].remarks.back()), "bytes x 1.100");
}

TEST(Fixtures, ZeroUsageCostsNothingButFeesAndCommitments) {
  const Period period = month(2026, 2);
  for (const char* mode : {"traffic", "month_95", "day_peak", "average_day_peak", "fourth_day_peak", "average_day_95",
                           "top_five_days", "month_95_night_half"}) {
    EXPECT_EQ(total(plan_of({{"mode", mode}, {"price", "9"}}), {}, period), "0.00") << mode;
  }
  EXPECT_EQ(total(plan_of({{"mode", "fixed"}, {"price", "9.99"}}), {}, period), "9.99");
  EXPECT_EQ(total(plan_of({{"mode", "month_95"}, {"price", "2"}, {"commit", {{"mbps", 10}}}}), {}, period), "20.00");
}

}  // namespace
}  // namespace yz::billing
