#include "billing/statement.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

/// One bill over several plans: each has its own days.
Result<Bill> bill_segments(const std::vector<Segment>& segments, const Usage& usage, std::vector<Package> packages) {
  Bill out;
  out.packages = std::move(packages);
  for (const Segment& segment : segments) {
    YZ_TRY(Bill part, bill(segment.plan, usage, segment.period, std::move(out.packages)));
    out.packages = std::move(part.packages);
    out.lines.insert(out.lines.end(), part.lines.begin(), part.lines.end());
    if (__builtin_add_overflow(out.total.value, part.total.value, &out.total.value)) {
      return fail(Code::kLimit, "the total cannot be written");
    }
  }
  return out;
}

json segment_json(const Segment& segment) {
  const Period& period = segment.period;
  const auto offset = segment.plan.utc_offset;
  return {{"plan", segment.plan_id},
          {"version", segment.version},
          {"from", show_day(period.from_minute, offset)},
          {"to", show_day(period.until_minute - kDayMinutes, offset)},
          {"from_minute", period.from_minute},
          {"until_minute", period.until_minute}};
}

/// A document as it was made before lines had their terms beside their texts.
json without_terms(json document) {
  for (json& line : document["lines"]) line.erase("terms"), line.erase("remarks");
  return document;
}

bool has_terms(const json& document) {
  const auto lines = document.value("lines", json::array());
  return std::ranges::any_of(lines, [](const json& line) { return line.contains("remarks"); });
}

/// A field of CSV that no spreadsheet takes for a formula.
std::string csv_field(std::string text) {
  if (!text.empty() && std::string_view("=+@\t\r").find(text.front()) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

std::vector<Segment> segments_of(const Period& month, const std::vector<PlanStart>& starts) {
  std::vector<Segment> out;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::uint32_t from = std::max(month.from_minute, starts[i].from_minute);
    const std::uint32_t until =
        i + 1 < starts.size() ? std::min(month.until_minute, starts[i + 1].from_minute) : month.until_minute;
    if (from >= until) continue;
    out.push_back({.plan_id = starts[i].plan_id,
                   .version = starts[i].version,
                   .plan = starts[i].plan,
                   .period = {.from_minute = from, .until_minute = until, .month_days = month.month_days}});
  }
  return out;
}

Result<json> draw_up(const StatementInput& input) {
  if (input.segments.empty()) return fail(Code::kInvalid, "no contract holds in this month", Fault::kClient);
  const std::string& currency = input.segments.front().plan.currency;
  json segments = json::array();
  for (const Segment& segment : input.segments) {
    if (segment.plan.currency != currency) {
      return fail(Code::kInvalid, "the plans of this month have different currencies", Fault::kClient);
    }
    segments.push_back(segment_json(segment));
  }
  YZ_TRY(Bill made, bill_segments(input.segments, input.usage, input.packages));
  json corrections = json::array();
  for (const Correction& correction : input.corrections) {
    YZ_TRY(const Bill before, bill_segments(correction.segments, correction.before, correction.packages));
    YZ_TRY(const Bill now, bill_segments(correction.segments, correction.now, correction.packages));
    for (Line& line : adjustments(before, now, correction.month)) {
      if (__builtin_add_overflow(made.total.value, line.amount.value, &made.total.value)) {
        return fail(Code::kLimit, "the total cannot be written");
      }
      made.lines.push_back(std::move(line));
    }
    corrections.push_back({{"statement", correction.statement},
                           {"month", correction.month},
                           {"usage_hash_before", correction.before.hash()},
                           {"usage_hash", correction.now.hash()}});
  }
  json out = to_json(made);
  out.erase("from_minute");
  out.erase("until_minute");
  out["month"] = input.month;
  out["currency"] = currency;
  out["segments"] = std::move(segments);
  out["usage_hash"] = input.usage.hash();
  out["corrections"] = std::move(corrections);
  return out;
}

std::optional<std::string> first_difference(const json& before, const json& now) {
  if (has_terms(now) && !has_terms(before)) return first_difference(before, without_terms(now));
  const json changes = json::diff(before, now);
  if (changes.empty()) return std::nullopt;
  const std::string pointer = changes[0]["path"];
  const json::json_pointer at(pointer);
  const auto show = [&](const json& document) { return document.contains(at) ? document[at].dump() : "nothing"; };
  return fmt::format("{}: {}, now {}", pointer, show(before), show(now));
}

std::vector<Package> packages_of(const json& statement) {
  std::vector<Package> out;
  for (const json& one : statement.value("packages", json::array())) {
    out.push_back({.id = one.value("id", ""),
                   .item = one.value("item", ""),
                   .bytes = one.value("bytes", std::uint64_t{0}),
                   .used = one.value("used", std::uint64_t{0}),
                   .from_minute = one.value("from_minute", 0U),
                   .until_minute = one.value("until_minute", 0U)});
  }
  return out;
}

std::string to_csv(const json& statement) {
  std::string out = "item,label,day,quantity,price,amount,notes\r\n";
  for (const json& line : statement["lines"]) {
    std::string notes;
    for (const json& note : line.value("notes", json::array())) {
      notes.append(notes.empty() ? "" : "; ").append(note.get<std::string>());
    }
    for (const char* field : {"item", "label", "day", "quantity", "price", "amount"}) {
      out += csv_field(line.value(field, "")) + ",";
    }
    out += csv_field(notes) + "\r\n";
  }
  return out + fmt::format("total,,,,,{},{}\r\n", statement.value("total", ""), statement.value("currency", ""));
}

}  // namespace yz::billing
