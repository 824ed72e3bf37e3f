#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string domain;
  std::string since = "1h";
  std::string step = "1m";
  std::string tier = "l1";
};

std::vector<std::string> cells(std::string time, const json& p) {
  const auto requests = p.value("requests", std::uint64_t{0});
  const auto hits = p.value("hits", std::uint64_t{0});
  return {
      std::move(time),
      std::to_string(requests),
      human_bytes(p.value("bytes_out", 0.0)),
      requests == 0 ? "-" : fmt::format("{:.1f} %", 100.0 * static_cast<double>(hits) / static_cast<double>(requests)),
      human_bytes(p.value("origin_bytes", 0.0)),
      std::to_string(p.value("status_2xx", 0)),
      std::to_string(p.value("status_3xx", 0)),
      std::to_string(p.value("status_4xx", 0)),
      std::to_string(p.value("status_5xx", 0))};
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto since, parse_duration(o.since));
  const auto from = format_rfc3339(SystemClock::instance().wall() - since);
  std::string path = fmt::format("/api/v1/usage?from={}&step={}&tier={}", percent_encode(from), o.step, o.tier);
  if (!o.domain.empty()) path += "&domain=" + percent_encode(o.domain);
  YZ_CO_TRY(const json usage, co_await api.get(path));
  if (shell.json) {
    shell.print_json(usage);
    co_return Status();
  }
  Table table({"time", "requests", "sent", "hits", "fetched", "2xx", "3xx", "4xx", "5xx"});
  for (const json& point : usage["points"]) table.add(cells(point.value("time", ""), point));
  table.add(cells("total", usage["total"]));
  shell.print(table.text());
  co_return Status();
}

}  // namespace

void add_usage(CLI::App& app, Shell& shell) {
  auto* usage = app.add_subcommand("usage", "Requests and bytes, as bills count them");
  usage->footer("Examples:\n  yz usage\n  yz usage www.a.com --since 24h --step 5m\n  yz --json usage www.a.com");
  const auto o = std::make_shared<Options>();
  usage->add_option("domain", o->domain, "Only this domain");
  usage->add_option("--since", o->since, "How far back: 30m, 24h, 7d")->capture_default_str();
  usage->add_option("--step", o->step, "Length of a row")
      ->capture_default_str()
      ->check(CLI::IsMember({"1m", "5m", "1h", "1d"}));
  usage->add_option("--tier", o->tier, "l1: what viewers got; l2; all")
      ->capture_default_str()
      ->check(CLI::IsMember({"l1", "l2", "all"}));
  usage->callback([&shell, o] {
    shell.action = [&shell, o] { return shell.with_api([&](ApiClient& api) { return show(api, shell, *o); }); };
  });
}

}  // namespace yz::cli
