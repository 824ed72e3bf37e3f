#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/find_domain.h"
#include "control/find_tenant.h"
#include "control/routes/routes.h"
#include "control/statistics_names.h"
#include "control/transact.h"
#include "store/statistics_store.h"

namespace yz::control {
namespace {

using std::chrono::minutes;
using store::Facet;
using store::Scope;
using store::StatisticsCounts;
using store::StatisticsPoint;
using store::StatisticsQuery;
using store::StatisticsStep;

constexpr std::uint32_t kMaxPoints = 3'000;
/// Node reports and their way here; what is younger is not called missing.
constexpr std::chrono::seconds kReportDelay{90};

struct Measure {
  std::string_view name;
  std::uint64_t (*of)(const StatisticsCounts&);
};
constexpr std::array kMeasures = {
    Measure{"requests", [](const StatisticsCounts& c) { return c.usage.requests; }},
    Measure{"bytes_out", [](const StatisticsCounts& c) { return c.usage.bytes_out; }},
    Measure{"bytes_in", [](const StatisticsCounts& c) { return c.usage.bytes_in; }},
    Measure{"hits", [](const StatisticsCounts& c) { return c.hits; }},
    Measure{"hit_bytes", [](const StatisticsCounts& c) { return c.hit_bytes; }},
    Measure{"origin_requests", [](const StatisticsCounts& c) { return c.usage.origin_requests; }},
    Measure{"origin_bytes", [](const StatisticsCounts& c) { return c.usage.origin_bytes; }},
    Measure{"duration_us", [](const StatisticsCounts& c) { return c.usage.duration_us; }},
};
using Measures = std::vector<const Measure*>;

struct Question {
  StatisticsQuery query;
  std::size_t limit = 10;
  Measures measures;
  bool wants_csv = false;
};

struct Series {
  std::string key;
  std::string name;
  StatisticsCounts total;
  std::vector<StatisticsCounts> points;  ///< one for each step of the question
};

std::uint32_t to_minute(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<minutes>(time.time_since_epoch()).count());
}
WallTime to_time(std::uint32_t minute) { return WallTime(minutes(minute)); }

tl::expected<WallTime, Problem> read_time(const Call& call, std::string_view name, WallTime otherwise) {
  const auto text = call.parameter(name);
  if (!text) return otherwise;
  auto time = parse_rfc3339(*text);
  // Minutes are counted in 32 bits.
  if (!time || time->time_since_epoch().count() < 0 || *time > WallTime(std::chrono::years(200))) {
    return refuse(bad_request(fmt::format("{} must be a time such as 2026-11-21T03:04:05Z.", name)));
  }
  return *time;
}

/// The shortest step that gives a chart its few hundred points.
StatisticsStep fitting_step(WallTime from, WallTime to, WallTime now, Scope scope, Facet facet) {
  using std::chrono::hours;
  const auto length = to - from;
  const bool has_minutes = is_kept(StatisticsStep::kMinute, scope, facet);
  if (length <= hours(3) && has_minutes && from > now - hours(24)) return StatisticsStep::kMinute;
  if (length <= hours(48) && from > now - hours(24 * 30)) return StatisticsStep::kFiveMinutes;
  if (length <= hours(24 * 31) && from > now - hours(24 * 180)) return StatisticsStep::kHour;
  return StatisticsStep::kDay;
}

/// Whose figures: the whole CDN's (operators), a tenant's, one domain's, one node's (operators).
tl::expected<void, Problem> read_scope(const RouteContext& context, const Call& call, StatisticsQuery& query) {
  const model::SnapshotPtr config = context.state.current();
  const auto domain_text = call.parameter("domain");
  const auto node_text = call.parameter("node");
  const bool names_tenant = call.parameter("tenant").has_value();
  if (int{domain_text.has_value()} + int{node_text.has_value()} + int{names_tenant} > 1) {
    return refuse(bad_request("domain, node and tenant exclude each other."));
  }
  if (domain_text) {
    const model::Domain* domain = find_domain(*config, call.principal, *domain_text);
    if (domain == nullptr) return refuse(not_found("domain"));
    query.scope = Scope::kDomain, query.id = domain->id.value;
    return {};
  }
  if (call.principal.is_bound_to_domains()) return refuse(bad_request("Name a domain: you see some of them only."));
  if (node_text) {
    const auto id = parse_u64(*node_text);
    if (!call.principal.is_operator() || !id || *id == 0) return refuse(not_found("node"));
    query.scope = Scope::kNode, query.id = *id;
    return {};
  }
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  if (!*tenant) return {};
  if (!**tenant) return refuse(not_found("tenant"));
  query.scope = Scope::kTenant, query.id = (*tenant)->value;
  return {};
}

tl::expected<Measures, Problem> read_measures(const Call& call) {
  Measures out;
  const auto text = call.parameter("measures");
  if (!text) {
    for (const Measure& measure : kMeasures) out.push_back(&measure);
    return out;
  }
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    const auto* it = std::ranges::find(kMeasures, name, &Measure::name);
    if (it == kMeasures.end()) return refuse(bad_request(fmt::format("There is no measure '{}'.", name)));
    out.push_back(it);
  }
  if (out.empty()) return refuse(bad_request("measures must name at least one."));
  return out;
}

/// Times and the step between them: whole steps, the one that `to` falls into included.
tl::expected<void, Problem> read_range(const Call& call, StatisticsQuery& query) {
  const auto to = read_time(call, "to", call.now + minutes(1));
  if (!to) return refuse(to.error());
  const auto from = read_time(call, "from", *to - std::chrono::hours(24));
  if (!from) return refuse(from.error());
  if (*from >= *to) return refuse(bad_request("from must be before to."));
  const std::string_view interval = call.parameter("interval").value_or("auto");
  const auto step =
      interval == "auto" ? fitting_step(*from, *to, call.now, query.scope, query.facet) : parse_step(interval);
  if (!step) return refuse(bad_request("interval must be auto, 1m, 5m, 1h or 1d."));
  if (!is_kept(*step, query.scope, query.facet)) {
    return refuse(bad_request("These figures are not kept by the minute; choose 5m or longer."));
  }
  query.step = *step;
  const auto length = static_cast<std::uint32_t>(*step);
  query.from_minute = to_minute(*from) / length * length;
  query.to_minute = (to_minute(*to - std::chrono::milliseconds(1)) / length + 1) * length;
  if ((query.to_minute - query.from_minute) / length > kMaxPoints) {
    return refuse(bad_request("That is more than 3,000 points; choose a longer interval."));
  }
  return {};
}

tl::expected<Question, Problem> read_question(const RouteContext& context, const Call& call) {
  Question out;
  if (auto scope = read_scope(context, call, out.query); !scope) return refuse(scope.error());
  const auto facet = parse_facet(call.parameter("by").value_or("none"));
  if (!facet) {
    return refuse(bad_request("by must be none, status, cache, protocol, region, isp, group, node, domain or tenant."));
  }
  out.query.facet = *facet;
  const bool operators_only = *facet == Facet::kGroup || *facet == Facet::kNode || *facet == Facet::kTenant;
  const bool is_there = is_kept(StatisticsStep::kDay, out.query.scope, *facet);
  if ((operators_only && !call.principal.is_operator()) || !is_there) {
    return refuse(bad_request("These figures cannot be told apart in this way."));
  }
  if (auto range = read_range(call, out.query); !range) return refuse(range.error());
  const std::string_view tier = call.parameter("tier").value_or("l1");
  if (tier != "l1" && tier != "l2" && tier != "all") return refuse(bad_request("tier must be l1, l2 or all."));
  out.query.tier.reset();
  if (tier != "all") out.query.tier = tier == "l1" ? model::Tier::kL1 : model::Tier::kL2;
  const auto limit = read_number(call, "limit");
  if (!limit) return refuse(limit.error());
  if (*limit) {
    if (**limit < 1 || **limit > 100) return refuse(bad_request("limit must be 1 to 100."));
    out.limit = static_cast<std::size_t>(**limit);
  }
  const std::string_view format = call.parameter("format").value_or("json");
  if (format != "json" && format != "csv") return refuse(bad_request("format must be json or csv."));
  out.wants_csv = format == "csv";
  auto measures = read_measures(call);
  if (!measures) return refuse(measures.error());
  out.measures = *std::move(measures);
  return out;
}

/// One series for each of the largest values, and "other" for the rest where there is one.
Result<std::vector<Series>> read_series(store::Transaction& tx, const Question& question,
                                        const model::ConfigSnapshot& config) {
  store::StatisticsStore store(tx);
  const StatisticsQuery& query = question.query;
  const auto length = static_cast<std::uint32_t>(query.step);
  const std::size_t count = (query.to_minute - query.from_minute) / length;
  const auto make = [&](std::string key, std::string name) {
    return Series{std::move(key), std::move(name), {}, std::vector<StatisticsCounts>(count)};
  };
  const auto add = [&](Series& series, const StatisticsPoint& point) {
    series.points[(point.minute - query.from_minute) / length] += point.counts;
    series.total += point.counts;
  };
  StatisticsQuery whole = query;
  whole.facet = Facet::kTotal;
  YZ_TRY(const std::vector<StatisticsPoint> all, store.series(whole));
  std::vector<Series> out;
  out.push_back(make("total", ""));
  for (const StatisticsPoint& point : all) add(out[0], point);
  if (query.facet == Facet::kTotal) return out;

  YZ_TRY(const std::vector<std::uint64_t> top, store.ranking(query, question.limit));
  if (top.empty()) return out;
  std::map<std::uint64_t, std::size_t> place;
  for (const std::uint64_t value : top) {
    place[value] = out.size();
    out.push_back(make(key_of_value(query.facet, value), name_of_value(query.facet, value, config)));
  }
  YZ_TRY(const std::vector<StatisticsPoint> points, store.series_of(query, top));
  for (const StatisticsPoint& point : points) add(out[place.at(point.value)], point);
  if (top.size() < question.limit) return out;

  Series other = out[0];
  other.key = "other";
  const auto take = [](std::uint64_t& from, std::uint64_t what) { from -= std::min(from, what); };
  const auto subtract = [&](StatisticsCounts& from, const StatisticsCounts& what) {
    take(from.usage.requests, what.usage.requests), take(from.usage.bytes_out, what.usage.bytes_out);
    take(from.usage.bytes_in, what.usage.bytes_in), take(from.usage.origin_requests, what.usage.origin_requests);
    take(from.usage.origin_bytes, what.usage.origin_bytes), take(from.usage.duration_us, what.usage.duration_us);
    take(from.hits, what.hits), take(from.hit_bytes, what.hit_bytes);
  };
  for (std::size_t i = 1; i < out.size(); ++i) {
    subtract(other.total, out[i].total);
    for (std::size_t p = 0; p < count; ++p) subtract(other.points[p], out[i].points[p]);
  }
  if (other.total != StatisticsCounts{}) out.push_back(std::move(other));
  return out;
}

nlohmann::json sums_json(const StatisticsCounts& counts) {
  nlohmann::json out = nlohmann::json::object();
  for (const Measure& measure : kMeasures) out[std::string(measure.name)] = measure.of(counts);
  return out;
}

nlohmann::json series_json(const Series& series, const Measures& measures) {
  nlohmann::json out{{"key", series.key}, {"total", sums_json(series.total)}};
  if (!series.name.empty()) out["name"] = series.name;
  for (const Measure* measure : measures) {
    nlohmann::json column = nlohmann::json::array();
    for (const StatisticsCounts& counts : series.points) column.push_back(measure->of(counts));
    out[std::string(measure->name)] = std::move(column);
  }
  return out;
}

/// What is missing: by node for operators; customers are told the time only.
nlohmann::json gaps_json(const std::vector<store::UsageStretch>& gaps, const model::ConfigSnapshot& config,
                         bool is_operator) {
  nlohmann::json out = nlohmann::json::array();
  for (const store::UsageStretch& gap : gaps) {
    nlohmann::json one{{"from", format_rfc3339(gap.from)}, {"until", format_rfc3339(gap.until)}};
    if (is_operator) {
      one["node"] = gap.node.value;
      one["name"] = name_of_value(Facet::kNode, gap.node.value, config);
    }
    if (out.empty() || is_operator || out.back() != one) out.push_back(std::move(one));
  }
  return out;
}

/// A name as one CSV field (RFC 4180 §2), which no spreadsheet takes for a formula.
std::string csv_field(const std::string& text) {
  std::string safe = text;
  if (!safe.empty() && std::string_view("=+-@\t\r").find(safe.front()) != std::string_view::npos) safe.insert(0, "'");
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string out = "\"";
  for (const char c : safe) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

Reply csv_reply(const Question& question, const std::vector<Series>& series) {
  std::string text = "time,key,name";
  for (const Measure* measure : question.measures) text.append(",").append(measure->name);
  text += "\r\n";
  const auto length = static_cast<std::uint32_t>(question.query.step);
  for (const Series& one : series) {
    if (one.key == "total" && question.query.facet != Facet::kTotal) continue;
    const std::string names = csv_field(one.key) + "," + csv_field(one.name);
    for (std::size_t i = 0; i < one.points.size(); ++i) {
      const auto minute = question.query.from_minute + static_cast<std::uint32_t>(i) * length;
      text += format_rfc3339(to_time(minute)) + "," + names;
      for (const Measure* measure : question.measures) text += fmt::format(",{}", measure->of(one.points[i]));
      text += "\r\n";
    }
  }
  Reply reply;
  reply.content_type = "text/csv; charset=utf-8";
  reply.headers = {{"Content-Disposition", "attachment; filename=\"statistics.csv\""}};
  reply.body = std::move(text);
  return reply;
}

/// Nodes that are no longer configured end where they were last heard of; younger silence is no loss yet.
std::vector<store::UsageStretch> real_gaps(std::vector<store::UsageStretch> gaps, const model::ConfigSnapshot& config,
                                           WallTime until) {
  std::erase_if(gaps, [&](const store::UsageStretch& gap) {
    return gap.until >= until && config.nodes.find(gap.node) == nullptr;
  });
  return gaps;
}

Outcome get(const RouteContext& context, const Call& call) {
  const auto question = read_question(context, call);
  if (!question) return refuse(question.error());
  const StatisticsQuery& query = question->query;
  const model::SnapshotPtr config = context.state.current();
  const WallTime gaps_until = std::min(to_time(query.to_minute), call.now - kReportDelay);
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const std::vector<Series> series, read_series(tx, *question, *config));
    if (question->wants_csv) return csv_reply(*question, series);
    YZ_TRY(auto gaps, store::StatisticsStore(tx).gaps(to_time(query.from_minute), gaps_until));
    nlohmann::json times = nlohmann::json::array();
    const auto length = static_cast<std::uint32_t>(query.step);
    for (std::uint32_t minute = query.from_minute; minute < query.to_minute; minute += length) {
      times.push_back(std::uint64_t{minute} * 60);
    }
    nlohmann::json list = nlohmann::json::array();
    for (std::size_t i = query.facet == Facet::kTotal ? 0 : 1; i < series.size(); ++i) {
      list.push_back(series_json(series[i], question->measures));
    }
    return json_reply(
        {{"from", format_rfc3339(to_time(query.from_minute))},
         {"to", format_rfc3339(to_time(query.to_minute))},
         {"interval", to_string(query.step)},
         {"by", call.parameter("by").value_or("none")},
         {"times", std::move(times)},
         {"series", std::move(list)},
         {"total", sums_json(series[0].total)},
         {"gaps", gaps_json(real_gaps(std::move(gaps), *config, gaps_until), *config, call.principal.is_operator())}});
  });
}

}  // namespace

Routes statistics_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/statistics", "usage:read",
           BlockingHandler([context](const Call& call) { return get(context, call); })}};
}

}  // namespace yz::control
