#include "billing/testing.h"

namespace yz::billing {
namespace {

using namespace testing;

TEST(Money, RoundsHalvesUpOnce) {
  EXPECT_EQ(round_half_up({5, 10})->value, 1);
  EXPECT_EQ(round_half_up({4, 10})->value, 0);
  EXPECT_EQ(round_half_up({15, 10})->value, 2);
  EXPECT_EQ(round_half_up({1, 3})->value, 0);
  EXPECT_EQ(round_half_up({2, 3})->value, 1);
  EXPECT_EQ(round_half_up({(Wide{1} << 63) - 1, 1})->value, INT64_MAX);
  EXPECT_FALSE(round_half_up({Wide{1} << 63, 1}));
}

TEST(Money, IsReadAndWrittenWithoutLoss) {
  for (const auto& [text, micros, shown] : {std::tuple{"0.2", 200'000LL, "0.20"},
                                            {"12", 12'000'000LL, "12.00"},
                                            {"0.000001", 1LL, "0.000001"},
                                            {"-1.5", -1'500'000LL, "-1.50"},
                                            {"1000000000000", 1'000'000'000'000'000'000LL, "1000000000000.00"}}) {
    const auto amount = parse_money(text);
    ASSERT_TRUE(amount) << text;
    EXPECT_EQ(amount->value, micros);
    EXPECT_EQ(to_string(*amount), shown);
  }
  for (const char* text : {"", "-", ".5", "1.", "1.2345678", "1e3", "0x1", " 1", "1 ", "+1", "1.2.3", "1,5",
                           "1000000000001", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_money(text)) << text;
  }
  EXPECT_EQ(to_string(Micros{INT64_MIN}), "-9223372036854.775808");
}

TEST(Usage, IsTheSameInWhateverOrderItCame) {
  Usage a, b;
  a.add("CN", {.minute = 10, .bytes = 1});
  a.add("CN", {.minute = 5, .bytes = 2});
  a.add("CN", {.minute = 10, .bytes = 4});
  a.add("US", {.minute = 5, .bytes = 8});
  b.add("US", {.minute = 5, .bytes = 8});
  b.add("CN", {.minute = 5, .bytes = 2});
  b.add("CN", {.minute = 10, .bytes = 5});
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.hash(), b.hash());
  b.add("CN", {.minute = 15});
  EXPECT_EQ(a.hash(), b.hash()) << "zero is nothing";
  b.add("CN", {.minute = 15, .bytes = 1});
  EXPECT_NE(a.hash(), b.hash());
  EXPECT_EQ(b.between(5, 10).by_country().size(), 2U);
  EXPECT_EQ(b.between(15, 20).by_country().size(), 1U);
}

TEST(Bill, AdjustmentsNameTheDifferenceOfEachItem) {
  const Plan plan = plan_of({{"mode", "day_peak"}, {"price", "1"}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 0, 0, mbps(10));
  const auto before = bill(plan, usage, period, {});
  put(usage, period, 4, 0, mbps(5));
  const auto now = bill(plan, usage, period, {});
  ASSERT_TRUE(before && now);
  EXPECT_TRUE(adjustments(*before, *before, "2026-11").empty());
  const auto lines = adjustments(*before, *now, "2026-11");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(to_string(lines[0].amount), "5.00");
  EXPECT_EQ(text_of(lines[0].remarks[0]), "usage of 2026-11 that came after its statement");
  EXPECT_EQ(to_string(adjustments(*now, *before, "2026-11")[0].amount), "-5.00");
}

TEST(Bill, NumbersBeyondAllReasonAreRefused) {
  const Plan plan = plan_of({{"mode", "traffic"}, {"price", "1"}});
  const Period period = month(2026, 11);
  Usage usage;
  put(usage, period, 0, 0, kMaxPoint + 1);
  EXPECT_EQ(bill(plan, usage, period, {}).error().code, Code::kLimit);
  Usage twice;
  put(twice, period, 0, 0, kMaxPoint, "CN");
  put(twice, period, 0, 0, kMaxPoint, "US");
  EXPECT_EQ(bill(plan, twice, period, {}).error().code, Code::kLimit);
  // The largest of everything still fits the sums, and is refused when it cannot be written.
  Usage full;
  for (std::uint32_t i = 0; i < 30 * kPointsPerDay; ++i) put(full, period, i / 288, i % 288, kMaxPoint);
  const auto dear =
      bill(plan_of({{"mode", "traffic"}, {"price", "1000000"}}, {{"overhead_permille", 2000}}), full, period, {});
  EXPECT_EQ(dear.error().code, Code::kLimit);
  const auto cheap =
      bill(plan_of({{"mode", "month_95"}, {"price", "0.000001"}}, {{"overhead_permille", 2000}}), full, period, {});
  ASSERT_TRUE(cheap);
  EXPECT_EQ(cheap->total.value, 240'191'980) << "2^53 bytes in 300 s as Mbit/s";
}

TEST(Calendar, MonthsAndDaysAreReadStrictly) {
  EXPECT_EQ(to_string(*parse_month("2026-02")), "2026-02");
  for (const char* text : {"", "2026", "2026-00", "2026-13", "26-01", "2026-1", "1999-12", "2200-01", "2026/01"}) {
    EXPECT_FALSE(parse_month(text)) << text;
  }
  const std::chrono::minutes offset(480);
  EXPECT_EQ(show_day(*parse_day("2028-02-29", offset), offset), "2028-02-29");
  EXPECT_EQ(*parse_day("2026-11-01", offset), month(2026, 11).from_minute);
  for (const char* text : {"2026-02-29", "2026-11-00", "2026-11-31", "2026-11-1", "2026-11-0x"}) {
    EXPECT_FALSE(parse_day(text, offset)) << text;
  }
}

}  // namespace
}  // namespace yz::billing
