// The bandwidth of a month by five-minute points, with the values that bills are made of so far.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "billing/calendar.h"
#include "billing/usage.h"
#include "control/find_domain.h"
#include "control/find_tenant.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/billing_store.h"
#include "store/statistics_store.h"

namespace yz::control {
namespace {

using store::Scope;
using store::StatisticsQuery;

std::uint64_t bits_per_second(std::uint64_t bytes) { return bytes * 8 / 300; }

tl::expected<void, Problem> read_scope(const RouteContext& context, const Call& call, StatisticsQuery& query) {
  if (const auto text = call.parameter("domain")) {
    const model::SnapshotPtr config = context.state.current();
    const model::Domain* domain = find_domain(*config, call.principal, *text);
    if (domain == nullptr) return refuse(not_found("domain"));
    query.scope = Scope::kDomain, query.id = domain->id.value;
    return {};
  }
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  if (*tenant) {
    if (!call.principal.may_see(**tenant)) return refuse(not_found("tenant"));
    query.scope = Scope::kTenant, query.id = (*tenant)->value;
  }
  return {};
}

/// Days and months are those of the contract; without one, UTC's.
Result<std::chrono::minutes> offset_of(store::Transaction& tx, const StatisticsQuery& query) {
  if (query.scope != Scope::kTenant) return std::chrono::minutes(0);
  YZ_TRY(const auto starts, store::BillingStore(tx).plan_starts(model::TenantId{query.id}));
  return starts.empty() ? std::chrono::minutes(0) : starts.front().plan.utc_offset;
}

nlohmann::json day_json(const std::vector<std::uint64_t>& points, std::string day) {
  return {{"day", std::move(day)},
          {"peak_bps", bits_per_second(*std::ranges::max_element(points))},
          {"p95_bps", bits_per_second(billing::percentile_95(points))}};
}

Outcome get(const RouteContext& context, const Call& call) {
  StatisticsQuery query{.step = store::StatisticsStep::kFiveMinutes};
  if (auto scope = read_scope(context, call, query); !scope) return refuse(scope.error());
  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    YZ_TRY(const auto offset, offset_of(tx, query));
    const auto now =
        static_cast<std::uint32_t>(std::chrono::floor<std::chrono::minutes>(call.now).time_since_epoch().count());
    const std::string this_month = billing::show_day(now, offset).substr(0, 7);
    const auto month = billing::parse_month(call.parameter("month").value_or(this_month));
    if (!month) return refuse(bad_request(month.error().message));
    const billing::Period period = billing::month_period(*month, offset);
    query.from_minute = period.from_minute;
    query.to_minute =
        std::clamp(now / billing::kPointMinutes * billing::kPointMinutes, period.from_minute, period.until_minute);
    std::vector<std::uint64_t> points((query.to_minute - query.from_minute) / billing::kPointMinutes);
    YZ_TRY(const auto found, store::StatisticsStore(tx).series(query));
    for (const auto& point : found) {
      points[(point.minute - query.from_minute) / billing::kPointMinutes] += point.counts.usage.bytes_out;
    }
    nlohmann::json days = nlohmann::json::array();
    for (std::size_t first = 0; first < points.size(); first += billing::kPointsPerDay) {
      const std::size_t last = std::min<std::size_t>(points.size(), first + billing::kPointsPerDay);
      const auto minute = query.from_minute + static_cast<std::uint32_t>(first) * billing::kPointMinutes;
      days.push_back(day_json(
          {points.begin() + static_cast<std::ptrdiff_t>(first), points.begin() + static_cast<std::ptrdiff_t>(last)},
          billing::show_day(minute, offset)));
    }
    const std::uint64_t peak = points.empty() ? 0 : *std::ranges::max_element(points);
    return json_reply({{"month", billing::to_string(*month)},
                       {"from", format_rfc3339(WallTime(std::chrono::minutes(query.from_minute)))},
                       {"to", format_rfc3339(WallTime(std::chrono::minutes(query.to_minute)))},
                       {"points", points.size()},
                       {"peak_bps", bits_per_second(peak)},
                       {"p95_bps", bits_per_second(billing::percentile_95(points))},
                       {"days", std::move(days)}});
  });
}

}  // namespace

Routes bandwidth_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/statistics/bandwidth", "usage:read",
           BlockingHandler([context](const Call& call) { return get(context, call); })}};
}

}  // namespace yz::control
