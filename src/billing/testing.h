#pragma once

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "billing/bill.h"

namespace yz::billing::testing {

/// A plan of one region with one item; `item` is merged over {"id": "x", "regions": ["cn"]}, `plan` over the plan.
inline Plan plan_of(nlohmann::json item, nlohmann::json plan = nlohmann::json::object()) {
  nlohmann::json one{{"id", "x"}};
  if (item.value("mode", "") != "fixed") one["regions"] = {"cn"};
  one.update(item);
  nlohmann::json document{{"regions", {{{"name", "cn"}, {"countries", {"*"}}}}}, {"items", {one}}};
  document.update(plan);
  auto read = read_plan(document);
  EXPECT_TRUE(read) << (read ? "" : read.error()[0].pointer + ": " + read.error()[0].message);
  return read ? *read : Plan{};
}

/// Five-minute bytes of a bandwidth of whole Mbit/s.
constexpr std::uint64_t mbps(std::uint64_t value) { return value * 37'500'000; }

inline Period month(int year, unsigned number, std::chrono::minutes offset = std::chrono::minutes(480)) {
  return month_period({std::chrono::year(year), std::chrono::month(number)}, offset);
}

/// Adds a point at a day (from 0) and point of the day.
inline void put(Usage& usage, const Period& period, std::uint32_t day, std::uint32_t point, std::uint64_t bytes,
                const std::string& country = "CN") {
  usage.add(country, {.minute = period.from_minute + day * kDayMinutes + point * kPointMinutes, .bytes = bytes});
}

inline std::string total(const Plan& plan, const Usage& usage, const Period& period,
                         std::vector<Package> packages = {}) {
  const auto made = bill(plan, usage, period, std::move(packages));
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? to_string(made->total) : "";
}

}  // namespace yz::billing::testing
