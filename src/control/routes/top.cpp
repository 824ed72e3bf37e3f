// What a domain's viewers ask for most, out of its access logs.

#include <algorithm>
#include <atomic>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/live.h"
#include "control/logs/hour_range.h"
#include "control/logs/log_desk.h"
#include "control/logs/log_lines.h"
#include "control/logs/top_sketch.h"
#include "control/routes/routes.h"
#include "control/transact.h"
#include "store/log_store.h"

namespace yz::control {
namespace {

constexpr std::uint32_t kMostDays = 7;
constexpr std::uint64_t kMostText = 2'000'000'000;  // bytes of lines: seconds of work
constexpr std::size_t kCapacity = 20'000;
constexpr std::size_t kMostItems = 100;
constexpr std::size_t kItems = 20;
constexpr int kAtOnce = 2;

/// Indices into model::kAccessColumns.
constexpr std::size_t column(std::string_view name) {
  for (std::size_t i = 0; i < model::kAccessColumns.size(); ++i) {
    if (model::kAccessColumns[i] == name) return i;
  }
  throw "no such column";
}
constexpr std::size_t kStatus = column("status");
constexpr std::size_t kBytes = column("bytes_out");

/// The host of "https://user@www.b.com:8443/x?y"; the whole when it is no URL.
std::string_view host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return url;
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  return url.substr(url.rfind('@') == std::string_view::npos ? 0 : url.rfind('@') + 1);
}

struct Facet {
  std::string_view name;
  std::size_t column;
  std::string_view (*value)(std::string_view);
};
constexpr Facet kFacets[] = {
    {"url", column("target"), [](std::string_view target) { return target.substr(0, target.find('?')); }},
    {"referer", column("referer"), host_of},
    {"client", column("client"), [](std::string_view client) { return client; }},
    {"agent", column("agent"), [](std::string_view agent) { return agent; }},
    {"status", column("status"), [](std::string_view status) { return status; }},
};

struct Question {
  model::DomainId domain;
  HourRange hours;
  const Facet* facet = &kFacets[0];
  TopSketch::Weight weight = TopSketch::Weight::kRequests;
  char status_class = 0;  ///< '4'; 0: all
  std::size_t items = kItems;
};

tl::expected<Question, Problem> read_question(const Call& call) {
  Question out;
  const auto hours = read_hours(call, kMostDays);
  if (!hours) return refuse(hours.error());
  out.hours = *hours;
  if (const auto what = call.parameter("what")) {
    const auto* found = std::ranges::find(kFacets, *what, &Facet::name);
    if (found == std::end(kFacets)) return refuse(bad_request("what must be url, referer, client, agent or status."));
    out.facet = found;
  }
  if (const auto by = call.parameter("by")) {
    if (*by != "requests" && *by != "bytes") return refuse(bad_request("by must be requests or bytes."));
    out.weight = *by == "bytes" ? TopSketch::Weight::kBytes : TopSketch::Weight::kRequests;
  }
  if (const auto status = call.parameter("status")) {
    const bool is_class = status->size() == 3 && status->ends_with("xx") && (*status)[0] >= '1' && (*status)[0] <= '5';
    if (!is_class) return refuse(bad_request("status must be a class such as 4xx."));
    out.status_class = (*status)[0];
  }
  if (const auto limit = call.parameter("limit")) {
    const auto count = parse_u64(*limit);
    if (!count || *count < 1 || *count > kMostItems) return refuse(bad_request("limit must be 1 to 100."));
    out.items = *count;
  }
  return out;
}

/// Text that a dimension is left out of is "-" in a line.
void count(const Question& question, const LogColumns& line, TopSketch& sketch, std::uint64_t& requests,
           std::uint64_t& bytes) {
  if (question.status_class != 0 && !line[kStatus].starts_with(question.status_class)) return;
  const std::uint64_t size = parse_u64(line[kBytes]).value_or(0);
  ++requests;
  bytes += size;
  sketch.add(question.facet->value(line[question.facet->column]), 1, size);
}

/// Leave to read logs: some at once, so that others get at the disk and at the pool's threads.
class Turn {
 public:
  explicit Turn(std::atomic<int>& taken) : taken_(taken), has_(taken.fetch_add(1) < kAtOnce) {}
  ~Turn() { taken_.fetch_sub(1); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  [[nodiscard]] bool has() const { return has_; }

 private:
  std::atomic<int>& taken_;
  const bool has_;
};

Outcome top(LogDesk& desk, const RouteContext& context, std::atomic<int>& taken, const Call& call) {
  const model::Domain* domain = context.state.current()->domains.find(model::DomainId{call.id()});
  if (domain == nullptr || !call.principal.may_see(domain->tenant, domain->id)) return refuse(not_found("domain"));
  auto question = read_question(call);
  if (!question) return refuse(question.error());
  question->domain = domain->id;
  using Hours = std::vector<store::LogHour>;
  YZ_TRY(const Hours hours, context.database.read([&](store::Transaction& tx) {
    return store::LogStore(tx).hours(question->domain, question->hours.from, question->hours.to);
  }));
  std::uint64_t text = 0;
  for (const store::LogHour& hour : hours) text += hour.text_bytes;
  if (text > kMostText) {
    return refuse(
        unprocessable("/from", fmt::format("these hours hold {:.1f} GB of lines; at most {:.0f} GB are read at "
                                           "a time: ask for fewer",
                                           static_cast<double>(text) / 1e9, static_cast<double>(kMostText) / 1e9)));
  }
  const Turn turn(taken);
  if (!turn.has())
    return refuse(problem(503, "busy", "Busy", "Logs are being read for others; ask again in a moment."));
  TopSketch sketch(question->weight, kCapacity);
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  for (const store::LogHour& hour : hours) {
    if (hour.requests == 0) continue;
    YZ_TRY(const std::vector<FilePart> parts, desk.find(question->domain, hour.hour));
    YZ_CHECK(for_each_line(parts, [&](const LogColumns& line) { count(*question, line, sketch, requests, bytes); }));
  }
  nlohmann::json items = nlohmann::json::array();
  for (const TopSketch::Item& item : sketch.top(question->items)) {
    items.push_back({{"value", item.value}, {"requests", item.requests}, {"bytes", item.bytes}});
    if (item.error > 0) items.back()["error"] = item.error;
  }
  return json_reply({{"from", show_hour(question->hours.from)},
                     {"to", show_hour(question->hours.to)},
                     {"what", question->facet->name},
                     {"by", question->weight == TopSketch::Weight::kBytes ? "bytes" : "requests"},
                     {"requests", requests},
                     {"bytes", bytes},
                     {"items", std::move(items)}});
}

}  // namespace

Routes top_routes(Live& live, const RouteContext& context) {
  const auto taken = std::make_shared<std::atomic<int>>(0);
  return {{"GET", "/api/v1/domains/{id}/top", "log:read",
           BlockingHandler(
               [&desk = live.logs(), context, taken](const Call& call) { return top(desk, context, *taken, call); })}};
}

}  // namespace yz::control
