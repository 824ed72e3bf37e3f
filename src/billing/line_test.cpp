#include "billing/line.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

Micros units(std::int64_t hundredths) { return {hundredths * kMicrosPerUnit / 100}; }

TEST(Line, SaysInEnglishHowMuchAtWhichPrice) {
  const PriceTier first{500, units(60)};
  const PriceTier last{{}, units(51)};
  const struct {
    Terms terms;
    const char* quantity;
    const char* price;
  } cases[] = {
      {{"3.000000", Unit::kGb, 1, PriceKind::kFlat, {last}}, "3.000000 GB", "0.51 per GB"},
      {{"9.000000", Unit::kMbpsMonth, 1, PriceKind::kReach, {first}},
       "9.000000 Mbit/s",
       "0.60 per Mbit/s and month (tier up to 500)"},
      {{"900.000000", Unit::kMbpsDay, 1, PriceKind::kReach, {last}},
       "900.000000 Mbit/s",
       "0.51 per Mbit/s and day (tier the last)"},
      {{"2.500000", Unit::kRequests, 10'000, PriceKind::kFlat, {last}},
       "2.500000 x 10000 requests",
       "0.51 per 10000 requests"},
      {{"600.000000", Unit::kMbpsMonth, 1, PriceKind::kProgressive, {first, last}},
       "600.000000 Mbit/s",
       "progressive: 0.60 up to 500, 0.51 per Mbit/s and month"},
      {{"1.000000", Unit::kMonth, 1, PriceKind::kFlat, {last}}, "1.000000 month", "0.51 per month"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(quantity_text(c.terms), c.quantity);
    EXPECT_EQ(price_text(c.terms), c.price);
  }
}

TEST(Line, SaysInEnglishHowItCameAbout) {
  const std::pair<Remark, const char*> cases[] = {
      {{RemarkKind::kPercentile, {"8640", "432"}}, "highest of 8640 points after dropping 432"},
      {{RemarkKind::kNoDays, {}}, "no day counts"},
      {{RemarkKind::kMeanOfPeaks, {"30"}}, "mean of 30 daily peaks"},
      {{RemarkKind::kMeanOfDay95, {"30"}}, "mean of 30 daily 95th percentiles"},
      {{RemarkKind::kMeanOfTopDays, {"5"}}, "mean of 5 highest days, each its fifth highest point"},
      {{RemarkKind::kDailyPeak, {"4", "30"}}, "daily peak number 4 of 30"},
      {{RemarkKind::kFewDaysLast, {}}, "fewer than 4 days: the last one"},
      {{RemarkKind::kFewDaysAll, {}}, "fewer than 5 days: all of them"},
      {{RemarkKind::kFromPackages, {"21.000000"}}, "21.000000 GB from packages"},
      {{RemarkKind::kGbBase, {"1024"}}, "1 GB = 1024^3 bytes"},
      {{RemarkKind::kCommitted, {"100"}}, "at least 100 Mbit/s"},
      {{RemarkKind::kOverage, {"0.51"}}, "above it 0.51 per Mbit/s"},
      {{RemarkKind::kPartOfMonth, {"15", "30"}}, "15 of 30 days"},
      {{RemarkKind::kOverhead, {"1.100"}}, "bytes x 1.100"},
      {{RemarkKind::kLate, {"2026-10"}}, "usage of 2026-10 that came after its statement"},
  };
  for (const auto& [remark, text] : cases) EXPECT_EQ(text_of(remark), text);
}

TEST(Line, CarriesWhatItsTextsWereMadeFrom) {
  const Line line{
      .item = "t",
      .label = "Traffic",
      .day = "",
      .terms = Terms{"2.500000", Unit::kRequests, 10'000, PriceKind::kProgressive, {{500, units(60)}, {{}, units(51)}}},
      .remarks = {{RemarkKind::kOverhead, {"1.100"}}},
      .amount = units(150)};
  EXPECT_EQ(to_json(line), json::parse(R"({
      "item": "t", "label": "Traffic", "amount": "1.50",
      "quantity": "2.500000 x 10000 requests", "price": "progressive: 0.60 up to 500, 0.51 per 10000 requests",
      "notes": ["bytes x 1.100"],
      "terms": {"quantity": "2.500000", "unit": "requests", "per": 10000, "pricing": "progressive",
                "tiers": [{"price": "0.60", "up_to": 500}, {"price": "0.51"}]},
      "remarks": [{"kind": "overhead", "figures": ["1.100"]}]})"));
  const Line adjustment{.item = "t", .label = "Traffic", .day = "", .terms = {}, .remarks = {}, .amount = units(-5)};
  EXPECT_EQ(to_json(adjustment), json::parse(R"({"item": "t", "label": "Traffic", "amount": "-0.05", "remarks": []})"));
}

}  // namespace
}  // namespace yz::billing
