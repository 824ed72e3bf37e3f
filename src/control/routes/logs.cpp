#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <zstd.h>

#include "control/live.h"
#include "control/logs/hour_range.h"
#include "control/logs/log_desk.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "model/access_record.h"
#include "store/log_store.h"
#include "store/statistics_store.h"
#include "store/usage_store.h"

namespace yz::control {
namespace {

constexpr std::chrono::hours kLinkTime{1};
constexpr std::uint32_t kMostDays = 31;
/// How long after its end an hour is still on its way.
constexpr std::chrono::minutes kPatience{15};

/// What is said of an hour: the lines here beside the requests that were counted for the bill.
nlohmann::json render(const store::LogHour& hour, std::uint64_t counted, bool has_gap, WallTime now) {
  const std::uint64_t explained = hour.requests + hour.lost + hour.removed;
  const std::uint64_t missing = counted > explained ? counted - explained : 0;
  const WallTime end = model::start_of_hour(hour.hour + 1);
  const bool is_complete = now >= end && !has_gap && hour.requests == counted;
  const char* state = is_complete ? "complete" : now < end + kPatience ? "collecting" : "gaps";
  return {{"hour", show_hour(hour.hour)},
          {"requests", hour.requests},
          {"counted", counted},
          {"lost", hour.lost},
          {"removed", hour.removed},
          {"missing", missing},
          {"bytes", hour.bytes},
          {"text_bytes", hour.text_bytes},
          {"state", state}};
}

Outcome list(LogDesk& desk, const RouteContext& context, const Call& call) {
  const model::Domain* domain = context.state.current()->domains.find(model::DomainId{call.id()});
  if (domain == nullptr || !call.principal.may_see(domain->tenant, domain->id)) return refuse(not_found("domain"));
  const model::DomainId id = domain->id;
  const auto range = read_hours(call, kMostDays);
  if (!range) return refuse(range.error());
  const std::uint32_t from = range->from;
  const std::uint32_t to = range->to;

  return read_outcome(context.database, [&](store::Transaction& tx) -> Outcome {
    std::map<std::uint32_t, store::LogHour> hours;
    YZ_TRY(const std::vector<store::LogHour> found, store::LogStore(tx).hours(id, from, to));
    for (const store::LogHour& hour : found) hours[hour.hour] = hour;
    std::map<std::uint32_t, std::uint64_t> counted;
    store::UsageQuery usage;
    usage.domains = {id};
    usage.from_minute = from * 60;
    usage.to_minute = to * 60;
    usage.step = store::UsageStep::kHour;
    usage.tier = model::Tier::kL1;
    YZ_TRY(const std::vector<store::UsagePoint> points, store::UsageStore(tx).totals(usage));
    for (const store::UsagePoint& point : points) {
      const std::uint32_t hour = point.key.minute / 60;
      counted[hour] = point.counts.requests;
      hours[hour].hour = hour;
    }
    const WallTime until = std::min(model::start_of_hour(to), call.now);
    YZ_TRY(std::vector<store::UsageStretch> gaps, store::StatisticsStore(tx).gaps(model::start_of_hour(from), until));
    // A node that is no longer configured ends where it was last heard of.
    std::erase_if(gaps, [&, config = context.state.current()](const store::UsageStretch& gap) {
      return gap.until >= until && config->nodes.find(gap.node) == nullptr;
    });
    const WallTime expires = call.now + kLinkTime;
    nlohmann::json items = nlohmann::json::array();
    for (auto it = hours.rbegin(); it != hours.rend(); ++it) {
      const auto& [number, hour] = *it;
      const bool has_gap = std::ranges::any_of(gaps, [&, at = number](const store::UsageStretch& gap) {
        return gap.from < model::start_of_hour(at + 1) && gap.until > model::start_of_hour(at);
      });
      nlohmann::json one = render(hour, counted[number], has_gap, call.now);
      if (hour.requests > 0) one["url"] = desk.link(id, number, expires);
      items.push_back(std::move(one));
    }
    return json_reply({{"from", show_hour(from)},
                       {"to", show_hour(to)},
                       {"links_expire", format_rfc3339(expires)},
                       {"items", std::move(items)}});
  });
}

/// The file's first line as a frame of its own, so that the frames behind it go out as they are kept.
std::string make_header_frame() {
  const std::string text = model::access_log_header();
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
  YZ_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

Outcome download(LogDesk& desk, const Call& call) {
  const auto domain = parse_u64(call.parameter("domain").value_or(""));
  const auto hour = read_hour(call, "hour", 0);
  const auto expires = parse_u64(call.parameter("expires").value_or(""));
  if (!domain || !hour || !expires ||
      !desk.is_valid(model::DomainId{*domain}, *hour, *expires, call.parameter("signature").value_or(""))) {
    return refuse(problem(403, "link_expired", "The link is not valid",
                          "It has expired or was changed. List the logs again for a new one."));
  }
  YZ_TRY(std::vector<FilePart> parts, desk.find(model::DomainId{*domain}, *hour));
  if (parts.empty()) return refuse(not_found("log"));
  Reply reply;
  reply.content_type = "application/zstd";
  reply.headers = {{"Content-Disposition", fmt::format("attachment; filename=\"access-{}-{}.tsv.zst\"", *domain,
                                                       show_hour(*hour).substr(0, 13))},
                   {"Cache-Control", "private, no-store"}};
  static const std::string kHeader = make_header_frame();
  reply.body = kHeader;
  reply.parts = std::move(parts);
  return reply;
}

}  // namespace

Routes log_routes(Live& live, const RouteContext& context) {
  LogDesk& desk = live.logs();
  return {{"GET", "/api/v1/domains/{id}/logs", "log:read",
           BlockingHandler([&desk, context](const Call& call) { return list(desk, context, call); })},
          {"GET", "/api/v1/log-file", kPublic,
           BlockingHandler([&desk](const Call& call) { return download(desk, call); })}};
}

}  // namespace yz::control
