#include <map>

#include <nlohmann/json.hpp>

#include "control/find_domain.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/usage_store.h"

namespace yz::control {
namespace {

using std::chrono::minutes;

struct StepName {
  std::string_view name;
  store::UsageStep step;
};
constexpr StepName kSteps[] = {{"1m", store::UsageStep::kMinute},
                               {"5m", store::UsageStep::kFiveMinutes},
                               {"1h", store::UsageStep::kHour},
                               {"1d", store::UsageStep::kDay}};
constexpr std::uint32_t kMaxPoints = 10'000;

/// Sums as the API shows them.
struct Sums {
  model::UsageCounts all;
  std::uint64_t hits = 0;
  std::uint64_t hit_bytes = 0;
  std::uint64_t by_class[6] = {};

  void add(const model::UsageRecord& record) {
    all += record.counts;
    if (record.key.cache_result == model::CacheResult::kHit || record.key.cache_result == model::CacheResult::kStale ||
        record.key.cache_result == model::CacheResult::kRevalidated) {
      hits += record.counts.requests;
      hit_bytes += record.counts.bytes_out;
    }
    by_class[std::min<std::size_t>(record.key.status_class, 5)] += record.counts.requests;
  }

  [[nodiscard]] nlohmann::json to_json() const {
    return {{"requests", all.requests},
            {"bytes_out", all.bytes_out},
            {"bytes_in", all.bytes_in},
            {"origin_requests", all.origin_requests},
            {"origin_bytes", all.origin_bytes},
            {"duration_us", all.duration_us},
            {"hits", hits},
            {"hit_bytes", hit_bytes},
            {"status_2xx", by_class[2]},
            {"status_3xx", by_class[3]},
            {"status_4xx", by_class[4]},
            {"status_5xx", by_class[5]}};
  }
};

std::uint32_t to_minute(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<minutes>(time.time_since_epoch()).count());
}

std::string show_minute(std::uint32_t minute) { return format_rfc3339(WallTime(minutes(minute))); }

struct Question {
  store::UsageQuery query;
  std::string_view step_name = "1m";
};

tl::expected<WallTime, Problem> read_time(const Call& call, std::string_view name, WallTime otherwise) {
  const auto text = call.parameter(name);
  if (!text) return otherwise;
  auto time = parse_rfc3339(*text);
  if (!time) return refuse(bad_request(std::string(name) + " must be a time such as 2026-11-21T03:04:05Z."));
  return *time;
}

tl::expected<Question, Problem> read_question(const Call& call) {
  Question out;
  out.query.step = store::UsageStep::kMinute;
  if (const auto step = call.parameter("step")) {
    const auto* it = std::ranges::find(kSteps, *step, &StepName::name);
    if (it == std::end(kSteps)) return refuse(bad_request("step must be 1m, 5m, 1h or 1d."));
    out.query.step = it->step;
    out.step_name = it->name;
  }
  const auto to = read_time(call, "to", call.now + minutes(1));
  if (!to) return refuse(to.error());
  const auto from = read_time(call, "from", *to - std::chrono::hours(1));
  if (!from) return refuse(from.error());
  if (*from >= *to) return refuse(bad_request("from must be before to."));
  const auto length = static_cast<std::uint32_t>(out.query.step);
  // Whole steps, the one that `to` falls into included.
  out.query.from_minute = to_minute(*from) / length * length;
  out.query.to_minute = (to_minute(*to - std::chrono::milliseconds(1)) / length + 1) * length;
  if ((out.query.to_minute - out.query.from_minute) / length > kMaxPoints) {
    return refuse(bad_request("That is more than 10,000 points; choose a longer step."));
  }
  const std::string_view tier = call.parameter("tier").value_or("l1");
  if (tier != "l1" && tier != "l2" && tier != "all") return refuse(bad_request("tier must be l1, l2 or all."));
  if (tier != "all") out.query.tier = tier == "l1" ? model::Tier::kL1 : model::Tier::kL2;
  return out;
}

/// The domains the caller asks about and may see; none for "all there are" (operators only).
tl::expected<std::optional<std::vector<model::DomainId>>, Problem> read_domains(const RouteContext& context,
                                                                                const Call& call) {
  const model::SnapshotPtr config = context.state.current();
  if (const auto asked = call.parameter("domain")) {
    const model::Domain* domain = find_domain(*config, call.principal, *asked);
    if (domain == nullptr) return refuse(not_found("domain"));
    return std::vector{domain->id};
  }
  if (call.principal.is_operator() && !call.principal.is_bound_to_domains()) return std::nullopt;
  std::vector<model::DomainId> own;
  for (const auto& [id, entry] : config->domains) {
    if (call.principal.may_see(entry.value->tenant, id)) own.push_back(id);
  }
  return own;
}

Outcome get(const RouteContext& context, const Call& call) {
  auto question = read_question(call);
  if (!question) return refuse(question.error());
  auto domains = read_domains(context, call);
  if (!domains) return refuse(domains.error());
  store::UsageQuery& query = question->query;
  if (*domains) query.domains = **domains;

  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    std::map<std::uint32_t, Sums> points;
    Sums total;
    if (!*domains || !query.domains.empty()) {
      YZ_TRY(const std::vector<store::UsagePoint> found, store::UsageStore(tx).series(query));
      for (const store::UsagePoint& point : found) {
        points[point.key.minute].add(point);
        total.add(point);
      }
    }
    nlohmann::json series = nlohmann::json::array();
    for (const auto& [minute, sums] : points) {
      nlohmann::json point = sums.to_json();
      point["time"] = show_minute(minute);
      series.push_back(std::move(point));
    }
    return json_reply({{"from", show_minute(query.from_minute)},
                       {"to", show_minute(query.to_minute)},
                       {"step", question->step_name},
                       {"points", std::move(series)},
                       {"total", total.to_json()}});
  });
}

}  // namespace

Routes usage_routes(const RouteContext& context) {
  return {{"GET", "/api/v1/usage", "usage:read",
           BlockingHandler([context](const Call& call) { return get(context, call); })}};
}

}  // namespace yz::control
