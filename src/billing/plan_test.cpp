#include "billing/plan.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

const json kWhole = json::parse(R"({
  "currency": "USD", "gb_base": 1024, "utc_offset": "-03:30", "overhead_permille": 1070,
  "regions": [{"name": "cn", "countries": ["CN"]}, {"name": "rest", "countries": ["*"]}],
  "items": [
    {"id": "t", "label": "Traffic", "mode": "traffic", "regions": ["cn"],
     "price": {"kind": "progressive", "tiers": [{"up_to": 10, "price": "0.20"}, {"price": "0.17"}]}},
    {"id": "n", "label": "n", "mode": "month_95_night_half", "regions": ["cn", "rest"], "price": "3.00",
     "commit": {"mbps": 100, "overage": "4.50"}, "valid_days": true, "night_from": "22:00", "night_until": "06:30"},
    {"id": "r", "label": "r", "mode": "requests", "regions": ["rest"], "classes": ["tls_static", "quic"],
     "price": "0.05", "per": 1000, "round_up": "hour"},
    {"id": "f", "label": "Fee", "mode": "fixed", "price": "99.00"}]})");

TEST(Plan, AWholeDocumentComesBackAsItWas) {
  const auto plan = read_plan(kWhole);
  ASSERT_TRUE(plan) << plan.error()[0].pointer << plan.error()[0].message;
  EXPECT_EQ(to_json(*plan), kWhole);
  EXPECT_EQ(*read_plan(to_json(*plan)), *plan);
  EXPECT_EQ(plan->utc_offset, std::chrono::minutes(-210));
  EXPECT_EQ(plan->items[1].night_until, 390U);
}

TEST(Plan, EveryCountryHasOneRegion) {
  const auto plan = read_plan(kWhole);
  ASSERT_TRUE(plan);
  EXPECT_EQ(region_of(*plan, "CN"), 0U);
  EXPECT_EQ(region_of(*plan, "US"), 1U);
  EXPECT_EQ(region_of(*plan, ""), 1U) << "an edge without a place";
}

TEST(Plan, WhatIsWrongIsNamed) {
  struct Case {
    const char* pointer;  ///< where the patch goes; also where the problem is, unless `problem` says otherwise
    json value;
    const char* problem = nullptr;
  };
  const Case cases[] = {
      {"/currency", "yuan"},
      {"/gb_base", 1001},
      {"/gb_base", "1000"},
      {"/utc_offset", "+8"},
      {"/utc_offset", "+08:01"},
      {"/overhead_permille", 999},
      {"/colour", "red"},
      {"/regions", json::array()},
      {"/regions/0/name", ""},
      {"/regions/0/countries/0", "cn"},
      {"/regions/1/name", "cn"},
      {"/regions/1/countries/0", "CN", "/regions/1/countries"},
      {"/items", json::array()},
      {"/items/0/id", "n", "/items/1/id"},
      {"/items/0/mode", "monthly"},
      {"/items/0/price", 0.2},
      {"/items/0/price", "-1"},
      {"/items/0/price", "1000001"},
      {"/items/0/price/kind", "stairs"},
      {"/items/0/price/kind", "flat"},
      {"/items/0/price/tiers", json::array()},
      {"/items/0/price/tiers/0", {{"price", "1"}}},
      {"/items/0/price/tiers/1/up_to", 20, "/items/0/price/tiers/1"},
      {"/items/0/price/tiers/0/up_to", 0},
      {"/items/0/price/tiers/0/up_to", -1},
      {"/items/0/regions", {"us"}},
      {"/items/0/regions", {"cn", "cn"}},
      {"/items/0/regions", json::array()},
      {"/items/0/valid_days", true},
      {"/items/0/commit", {{"mbps", 1}}},
      {"/items/0/per", 1},
      {"/items/0/night_from", "22:00"},
      {"/items/1/night_from", "24:30"},
      {"/items/1/night_from", "22:01"},
      {"/items/1/commit/mbps", 0},
      {"/items/2/classes", json::array()},
      {"/items/2/classes/0", "http"},
      {"/items/2/round_up", "week"},
      {"/items/3/regions", {"cn"}},
      {"/items/3", 7},
  };
  for (const Case& one : cases) {
    json document = kWhole;
    document[json::json_pointer(one.pointer)] = one.value;
    const auto plan = read_plan(document);
    ASSERT_FALSE(plan) << one.pointer << " " << one.value;
    const std::string expected = one.problem != nullptr ? one.problem : one.pointer;
    EXPECT_TRUE(std::ranges::any_of(plan.error(), [&](const auto& p) { return p.pointer == expected; }))
        << expected << ": " << plan.error()[0].pointer << " " << plan.error()[0].message;
  }
  EXPECT_FALSE(read_plan(json::array()));
  EXPECT_FALSE(read_plan(json::object()));
}

}  // namespace
}  // namespace yz::billing
