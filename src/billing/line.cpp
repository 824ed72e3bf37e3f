#include "billing/line.h"

#include <array>
#include <string_view>

#include <fmt/args.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

struct UnitName {
  std::string_view name;     ///< of the API
  std::string_view counted;  ///< "3 GB"
  std::string_view priced;   ///< "2.00 per GB"
};
constexpr std::array<UnitName, 5> kUnits = {{{"gb", "GB", "GB"},
                                             {"mbps_month", "Mbit/s", "Mbit/s and month"},
                                             {"mbps_day", "Mbit/s", "Mbit/s and day"},
                                             {"requests", "x {} requests", "{} requests"},
                                             {"month", "month", "month"}}};
constexpr std::array<std::string_view, 3> kPricings = {"flat", "progressive", "reach"};

struct RemarkName {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<RemarkName, 15> kRemarks = {{
    {"percentile", "highest of {} points after dropping {}"},
    {"no_days", "no day counts"},
    {"mean_of_peaks", "mean of {} daily peaks"},
    {"mean_of_day_95", "mean of {} daily 95th percentiles"},
    {"mean_of_top_days", "mean of {} highest days, each its fifth highest point"},
    {"daily_peak", "daily peak number {} of {}"},
    {"few_days_last", "fewer than 4 days: the last one"},
    {"few_days_all", "fewer than 5 days: all of them"},
    {"from_packages", "{} GB from packages"},
    {"gb_base", "1 GB = {}^3 bytes"},
    {"committed", "at least {} Mbit/s"},
    {"overage", "above it {} per Mbit/s"},
    {"part_of_month", "{} of {} days"},
    {"overhead", "bytes x {}"},
    {"late", "usage of {} that came after its statement"},
}};

const UnitName& name_of(Unit unit) { return kUnits[static_cast<std::size_t>(unit)]; }
const RemarkName& name_of(RemarkKind kind) { return kRemarks[static_cast<std::size_t>(kind)]; }

std::string priced_text(const Terms& terms) { return fmt::format(fmt::runtime(name_of(terms.unit).priced), terms.per); }

json to_json(const Terms& terms) {
  json tiers = json::array();
  for (const PriceTier& tier : terms.tiers) {
    tiers.push_back({{"price", to_string(tier.price)}});
    if (tier.up_to) tiers.back()["up_to"] = *tier.up_to;
  }
  json out{{"quantity", terms.quantity},
           {"unit", name_of(terms.unit).name},
           {"pricing", kPricings[static_cast<std::size_t>(terms.pricing)]},
           {"tiers", std::move(tiers)}};
  if (terms.unit == Unit::kRequests) out["per"] = terms.per;
  return out;
}

}  // namespace

std::string quantity_text(const Terms& terms) {
  return fmt::format("{} {}", terms.quantity, fmt::format(fmt::runtime(name_of(terms.unit).counted), terms.per));
}

std::string price_text(const Terms& terms) {
  const std::string unit = priced_text(terms);
  if (terms.pricing != PriceKind::kProgressive) {
    const PriceTier& tier = terms.tiers.front();
    const std::string price = fmt::format("{} per {}", to_string(tier.price), unit);
    if (terms.pricing == PriceKind::kFlat) return price;
    return fmt::format("{} (tier {})", price, tier.up_to ? fmt::format("up to {}", *tier.up_to) : "the last");
  }
  std::string text = "progressive:";
  for (std::size_t i = 0; i < terms.tiers.size(); ++i) {
    const PriceTier& tier = terms.tiers[i];
    text += fmt::format("{} {}", i == 0 ? "" : ",", to_string(tier.price));
    if (tier.up_to) text += fmt::format(" up to {}", *tier.up_to);
  }
  return fmt::format("{} per {}", text, unit);
}

std::string text_of(const Remark& remark) {
  fmt::dynamic_format_arg_store<fmt::format_context> figures;
  for (const std::string& figure : remark.figures) figures.push_back(figure);
  return fmt::vformat(name_of(remark.kind).text, figures);
}

json to_json(const Line& line) {
  json out{{"item", line.item}, {"label", line.label}, {"amount", to_string(line.amount)}};
  if (!line.day.empty()) out["day"] = line.day;
  if (line.terms) {
    out["quantity"] = quantity_text(*line.terms);
    out["price"] = price_text(*line.terms);
    out["terms"] = to_json(*line.terms);
  }
  out["remarks"] = json::array();
  for (const Remark& remark : line.remarks) {
    out["notes"].push_back(text_of(remark));
    out["remarks"].push_back({{"kind", name_of(remark.kind).name}, {"figures", remark.figures}});
  }
  return out;
}

}  // namespace yz::billing
