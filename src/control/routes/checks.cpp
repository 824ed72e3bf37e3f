#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/body.h"
#include "control/cname_check.h"
#include "control/live.h"
#include "control/origin_checker.h"
#include "control/routes/routes.h"

namespace yz::control {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kNamePatience{8};

tl::expected<OriginQuestion, Problem> read_question(const json& body) {
  BodyReader reader(body, {"host", "port", "tls", "verify_tls", "host_header", "path"});
  OriginQuestion out;
  out.host = to_lower(reader.text("host", true).value_or(""));
  const std::uint64_t port = reader.number("port", true).value_or(0);
  if (port < 1 || port > 65535) reader.wrong("/port", "expected a number from 1 to 65535");
  out.port = static_cast<std::uint16_t>(port);
  out.tls = reader.boolean("tls").value_or(false);
  out.verify_tls = reader.boolean("verify_tls").value_or(true);
  out.host_header = reader.text("host_header").value_or("");
  out.path = reader.text("path").value_or("/");
  const auto is_printable = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  };
  if (out.host.size() > 253 || !is_printable(out.host)) reader.wrong("/host", "expected a host name or an address");
  if (out.host_header.size() > 260 || !is_printable(out.host_header)) {
    reader.wrong("/host_header", "expected a host name, with a port if need be");
  }
  if (!out.path.starts_with("/") || out.path.size() > 2000 || !is_printable(out.path)) {
    reader.wrong("/path", "expected a path that begins with /");
  }
  if (!reader.ok()) return refuse(reader.problem());
  return out;
}

json render(const OriginReport& report) {
  json out = {{"reachable", report.status.has_value()},
              {"took_ms", static_cast<double>(report.took.count()) / 1000},
              {"has_etag", report.has_etag},
              {"has_last_modified", report.has_last_modified},
              {"takes_ranges", report.takes_ranges}};
  if (report.status) out["status"] = *report.status;
  if (!report.error.empty()) out["error"] = report.error;
  if (!report.address.empty()) out["address"] = report.address;
  if (!report.cache_control.empty()) out["cache_control"] = report.cache_control;
  return out;
}

io::Task<Outcome> check_origin(Live& live, Call call) {
  auto body = read_body(call);
  if (!body) co_return refuse(body.error());
  auto question = read_question(*body);
  if (!question) co_return refuse(question.error());
  auto report = co_await live.origin_checker().check(*std::move(question));
  if (!report && report.error().code == Code::kPermission) {
    co_return refuse(unprocessable("/host", report.error().message));
  }
  if (!report) co_return refuse(Problem(std::move(report).error()));
  co_return json_reply(render(*report));
}

io::Task<Outcome> check_cname(Live& live, RouteContext context, Call call) {
  const model::SnapshotPtr config = context.state.current();
  const model::Domain* domain = config->domains.find(model::DomainId{call.id()});
  if (domain == nullptr || !call.principal.may_see(domain->tenant, domain->id)) co_return refuse(not_found("domain"));
  const std::string target = model::cname_target(*domain, config->settings.cdn_zone);
  const auto found = co_await look_up_name(live.name_pool(), domain->name, io::Reactor::current().in(kNamePatience));
  if (!found) co_return refuse(Problem(found.error()));
  json names = json::array();
  if (!found->canonical.empty() && found->canonical != domain->name) names.push_back(found->canonical);
  for (const IpAddress& address : found->addresses) names.push_back(to_string(address));
  const json out = {
      {"verdict", judge_cname(*found, target, *config)}, {"expected", target}, {"found", std::move(names)}};
  co_return json_reply(out);
}

}  // namespace

Routes check_routes(Live& live, const RouteContext& context) {
  return {{"POST", "/api/v1/origin-check", "origin:write",
           LoopHandler([&live](Call call) { return check_origin(live, std::move(call)); })},
          {"GET", "/api/v1/domains/{id}/cname-check", "domain:read",
           LoopHandler([&live, context](Call call) { return check_cname(live, context, std::move(call)); })}};
}

}  // namespace yz::control
