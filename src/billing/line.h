#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "billing/money.h"
#include "billing/plan.h"

namespace yz::billing {

/// What a price is for.
enum class Unit : std::uint8_t { kGb, kMbpsMonth, kMbpsDay, kRequests, kMonth };

/// What is said about how a line came about.
enum class RemarkKind : std::uint8_t {
  kPercentile,     ///< points, how many of them were dropped
  kNoDays,         ///< no day counts
  kMeanOfPeaks,    ///< days
  kMeanOfDay95,    ///< days
  kMeanOfTopDays,  ///< days, each its fifth highest point
  kDailyPeak,      ///< rank, of how many
  kFewDaysLast,    ///< fewer days than the rank: the last one
  kFewDaysAll,     ///< fewer days than are taken: all of them
  kFromPackages,   ///< GB
  kGbBase,         ///< a GB is its cube
  kCommitted,      ///< Mbit/s at least
  kOverage,        ///< price of what goes above it
  kPartOfMonth,    ///< days, of how many
  kOverhead,       ///< what bytes are multiplied with
  kLate,           ///< month whose usage came after its statement
};

/// A remark with its figures, in the order of its kind: a text of any language is made from them.
struct Remark {
  RemarkKind kind = RemarkKind::kNoDays;
  std::vector<std::string> figures;

  friend bool operator==(const Remark&, const Remark&) = default;
};

/// How much of what, and at which price.
struct Terms {
  std::string quantity;  ///< "912.000000": for people, cut off after six decimals
  Unit unit = Unit::kGb;
  std::uint64_t per = 1;  ///< of kRequests: how many a unit is
  PriceKind pricing = PriceKind::kFlat;
  std::vector<PriceTier> tiers;  ///< those that count: of kProgressive the tiers begun, else the one that is reached

  friend bool operator==(const Terms&, const Terms&) = default;
};

/// One line of a statement, with everything needed to do the sum again by hand.
struct Line {
  std::string item;
  std::string label;
  std::string day;             ///< "2026-11-03" of a line for one day; else empty
  std::optional<Terms> terms;  ///< none for an adjustment
  std::vector<Remark> remarks;
  Micros amount;

  friend bool operator==(const Line&, const Line&) = default;
};

// In English.

/// "912.000000 Mbit/s"
[[nodiscard]] std::string quantity_text(const Terms& terms);
/// "0.51 per Mbit/s and month", "progressive: …"
[[nodiscard]] std::string price_text(const Terms& terms);
[[nodiscard]] std::string text_of(const Remark& remark);

/// {item, label, amount, day?, quantity?, price?, notes?, terms?, remarks}: the first ones as texts, for those who read
/// English or keep them; `terms` and `remarks` as what they were made from.
[[nodiscard]] nlohmann::json to_json(const Line& line);

}  // namespace yz::billing
