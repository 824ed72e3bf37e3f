#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <tl/expected.hpp>

#include "billing/money.h"
#include "model/problem.h"

namespace yz::billing {

/// How an item's value is found from five-minute points (docs/operate/billing.md has every formula).
enum class Mode : std::uint8_t {
  kTraffic,           ///< bytes of the period
  kDayPeak,           ///< each day's highest point; one line a day
  kMonth95,           ///< the highest point after the top 5 % of all points
  kMonth95NightHalf,  ///< the same, points of the night counting half
  kAverageDayPeak,    ///< mean of the daily peaks
  kFourthDayPeak,     ///< the fourth highest of the daily peaks
  kAverageDay95,      ///< mean of the daily 95th percentiles
  kTopFiveDays,       ///< mean of the five highest days, a day being its fifth highest point
  kRequests,          ///< requests of some classes
  kFixed,             ///< a fee for the month
};

/// How requests are told apart for pricing.
enum class RequestClass : std::uint8_t { kPlainStatic, kPlainDynamic, kTlsStatic, kTlsDynamic, kQuic };
inline constexpr std::size_t kRequestClasses = 5;

[[nodiscard]] std::string_view to_string(Mode mode);
[[nodiscard]] std::string_view to_string(RequestClass name);
[[nodiscard]] bool is_bandwidth(Mode mode);

enum class PriceKind : std::uint8_t {
  kFlat,         ///< one price for every unit
  kProgressive,  ///< each tier's units at that tier's price
  kReach,        ///< the whole value at the price of the tier it reaches
};

/// Up to and with `up_to` units; the last tier has no end. Micro-units of money for a unit.
struct PriceTier {
  std::optional<std::uint64_t> up_to;
  Micros price;

  friend bool operator==(const PriceTier&, const PriceTier&) = default;
};

/// A unit is a GB (traffic), a Mbit/s (bandwidth; a month, or a day for kDayPeak), `per` requests, or a month.
struct Price {
  PriceKind kind = PriceKind::kFlat;
  std::vector<PriceTier> tiers{{{}, {}}};

  friend bool operator==(const Price&, const Price&) = default;
};

/// Least bandwidth that is paid for, and the price of what goes above it; without one the price is that of the rest.
struct Commit {
  std::uint64_t mbps = 0;
  std::optional<Micros> overage;

  friend bool operator==(const Commit&, const Commit&) = default;
};

/// Counting requests in units of `per`: exactly, or each begun unit of the month, of a day or of an hour as a whole.
enum class RoundUp : std::uint8_t { kNever, kMonth, kDay, kHour };

/// One line (or one a day) of every statement.
struct Item {
  std::string id;  ///< unique in the plan; packages name it
  std::string label;
  Mode mode = Mode::kTraffic;
  std::vector<std::string> regions;  ///< of the plan; their points are summed before anything is ranked
  Price price;
  std::optional<Commit> commit;     ///< bandwidth of the month
  bool valid_days = false;          ///< days without a byte neither count nor cost
  std::uint32_t night_from = 0;     ///< kMonth95NightHalf: minutes of the day in the contract's time
  std::uint32_t night_until = 480;  ///< not included; before `night_from`: over midnight
  std::array<bool, kRequestClasses> classes{};
  std::uint64_t per = 10'000;
  RoundUp round_up = RoundUp::kNever;

  friend bool operator==(const Item&, const Item&) = default;
};

/// Countries of edges (ISO 3166-1, not of viewers) with one price. One region of a plan has the country "*": the rest.
struct Region {
  std::string name;
  std::vector<std::string> countries;

  friend bool operator==(const Region&, const Region&) = default;
};

/// What a contract fixes. A version of a plan never changes once a contract names it.
struct Plan {
  std::string currency = "CNY";
  std::uint32_t gb_base = 1000;            ///< a GB is its cube: 1000 or 1024. A Mbit/s is always 10^6 bit/s.
  std::chrono::minutes utc_offset{480};    ///< of days and months; fixed, no daylight saving
  std::uint32_t overhead_permille = 1000;  ///< what counted bytes are multiplied with, for packet heads and repeats
  std::vector<Region> regions;
  std::vector<Item> items;

  friend bool operator==(const Plan&, const Plan&) = default;
};

/// Reads and validates; problems carry JSON pointers and say what was expected.
[[nodiscard]] tl::expected<Plan, model::Problems> read_plan(const nlohmann::json& document);
/// The same for a document that was accepted before: every field, in canonical form.
[[nodiscard]] nlohmann::json to_json(const Plan& plan);

/// The region of an edge's country ("" when its place is not known): its index in `plan.regions`.
[[nodiscard]] std::size_t region_of(const Plan& plan, std::string_view country);

}  // namespace yz::billing
