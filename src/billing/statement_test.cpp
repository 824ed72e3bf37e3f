#include "billing/statement.h"

#include "billing/testing.h"

namespace yz::billing {
namespace {

using namespace testing;
using nlohmann::json;

Usage flat(const Period& period, std::uint64_t bandwidth) {
  Usage usage;
  for (std::uint32_t day = 0; day < period.days(); ++day) {
    for (std::uint32_t i = 0; i < kPointsPerDay; ++i) put(usage, period, day, i, mbps(bandwidth));
  }
  return usage;
}

StatementInput input_of(const Period& period, std::vector<PlanStart> starts, Usage usage) {
  return {.month = "2026-12",
          .segments = segments_of(period, starts),
          .packages = {},
          .usage = std::move(usage),
          .corrections = {}};
}

TEST(Statement, ASwitchOfPlansSplitsTheMonthByDays) {
  const Period period = month(2026, 12);
  const Plan dear = plan_of({{"mode", "month_95"}, {"price", "62"}});
  const Plan cheap = plan_of({{"mode", "month_95"}, {"price", "31"}});
  const std::vector<PlanStart> starts{{period.from_minute - 99 * kDayMinutes, 1, 1, cheap},
                                      {period.from_minute - 9 * kDayMinutes, 1, 2, dear},
                                      {period.from_minute + 5 * kDayMinutes, 2, 1, cheap},
                                      {period.until_minute, 3, 1, dear}};
  const auto made = draw_up(input_of(period, starts, flat(period, 1)));
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)["segments"].size(), 2U);
  EXPECT_EQ((*made)["segments"][0]["version"], 2);
  EXPECT_EQ((*made)["segments"][0]["to"], "2026-12-05");
  EXPECT_EQ((*made)["segments"][1]["from"], "2026-12-06");
  EXPECT_EQ((*made)["segments"][1]["to"], "2026-12-31");
  EXPECT_EQ((*made)["total"], "36.00") << "62 x 5/31 + 31 x 26/31";
  EXPECT_FALSE(draw_up(input_of(period, {}, {}))) << "no contract";
}

TEST(Statement, LateUsageIsALineOfALaterOne) {
  const Period november = month(2026, 11);
  const Period december = month(2026, 12);
  const Plan plan = plan_of({{"mode", "month_95"}, {"price", "1"}});
  const std::vector<PlanStart> starts{{november.from_minute, 1, 1, plan}};
  StatementInput input = input_of(december, starts, flat(december, 10));
  input.corrections.push_back({.statement = 7,
                               .month = "2026-11",
                               .segments = segments_of(november, starts),
                               .packages = {},
                               .before = flat(november, 20),
                               .now = flat(november, 23)});
  const auto made = draw_up(input);
  ASSERT_TRUE(made);
  ASSERT_EQ((*made)["lines"].size(), 2U);
  EXPECT_EQ((*made)["lines"][1]["amount"], "3.00");
  EXPECT_EQ((*made)["total"], "13.00");
  EXPECT_EQ((*made)["corrections"][0]["statement"], 7);
}

TEST(Statement, IsTheSameForTheSameInputAndNamesTheFirstDifferenceOtherwise) {
  const Period period = month(2026, 12);
  const std::vector<PlanStart> starts{{0, 1, 1, plan_of({{"mode", "month_95"}, {"price", "1"}})}};
  const auto before = draw_up(input_of(period, starts, flat(period, 10)));
  EXPECT_EQ(first_difference(*before, *draw_up(input_of(period, starts, flat(period, 10)))), std::nullopt);
  const auto after = draw_up(input_of(period, starts, flat(period, 11)));
  EXPECT_EQ(first_difference(*before, *after), R"(/lines/0/amount: "10.00", now "11.00")");
}

TEST(Statement, OfATimeWhenLinesHadTextsAloneIsComparedByThem) {
  const Period period = month(2026, 12);
  const std::vector<PlanStart> starts{{0, 1, 1, plan_of({{"mode", "month_95"}, {"price", "1"}})}};
  const auto now = draw_up(input_of(period, starts, flat(period, 10)));
  ASSERT_TRUE((*now)["lines"][0].contains("terms"));
  auto old = *now;
  old["lines"][0].erase("terms");
  old["lines"][0].erase("remarks");
  EXPECT_EQ(first_difference(old, *now), std::nullopt);
  old["lines"][0]["amount"] = "9.00";
  EXPECT_EQ(first_difference(old, *now), R"(/lines/0/amount: "9.00", now "10.00")");
}

TEST(Statement, CsvHasALineForEachLineAndTheTotal) {
  const Period period = month(2026, 12);
  const std::vector<PlanStart> starts{
      {0, 1, 1, plan_of({{"mode", "fixed"}, {"label", "=cmd, \"x\""}, {"price", "5"}})}};
  const auto made = draw_up(input_of(period, starts, {}));
  ASSERT_TRUE(made);
  EXPECT_EQ(to_csv(*made),
            "item,label,day,quantity,price,amount,notes\r\n"
            "x,\"'=cmd, \"\"x\"\"\",,1.000000 month,5.00 per month,5.00,\r\n"
            "total,,,,,5.00,CNY\r\n");
}

}  // namespace
}  // namespace yz::billing
