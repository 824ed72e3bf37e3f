#pragma once

#include <optional>
#include <string>
#include <vector>

#include "billing/bill.h"

namespace yz::billing {

/// The part of a month in which one version of a plan holds.
struct Segment {
  std::uint64_t plan_id = 0;
  std::uint64_t version = 0;
  Plan plan;
  Period period;
};

/// What came late for a month whose statement is closed.
struct Correction {
  std::uint64_t statement = 0;  ///< the closed one
  std::string month;
  std::vector<Segment> segments;
  std::vector<Package> packages;  ///< as before that month
  Usage before;                   ///< as billed so far, earlier corrections included
  Usage now;
};

/// All that a statement is made of.
struct StatementInput {
  std::string month;  ///< "2026-11"
  std::vector<Segment> segments;
  std::vector<Package> packages;  ///< as before the month
  Usage usage;
  std::vector<Correction> corrections;
};

/// Splits a month between the plans whose first days are given, ascending; the last one before the month counts.
struct PlanStart {
  std::uint32_t from_minute = 0;
  std::uint64_t plan_id = 0;
  std::uint64_t version = 0;
  Plan plan;
};
[[nodiscard]] std::vector<Segment> segments_of(const Period& month, const std::vector<PlanStart>& starts);

/// The statement as a document: a pure function of its input. {month, currency, segments, usage_hash, lines, packages,
/// corrections, total}. Fails with kLimit when a number is beyond all reason, kInvalid when currencies differ.
[[nodiscard]] Result<nlohmann::json> draw_up(const StatementInput& input);

/// Where two documents differ first, for people: "/lines/3/amount: 1.00, now 2.00"; none when they are equal. The one
/// before may be of a time when lines had texts alone.
[[nodiscard]] std::optional<std::string> first_difference(const nlohmann::json& before, const nlohmann::json& now);

/// The packages of a statement's document, as after its month.
[[nodiscard]] std::vector<Package> packages_of(const nlohmann::json& statement);

/// RFC 4180 lines: item, label, day, quantity, price, amount, notes; the total last.
[[nodiscard]] std::string to_csv(const nlohmann::json& statement);

}  // namespace yz::billing
