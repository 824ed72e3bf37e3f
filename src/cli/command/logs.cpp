#include <algorithm>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::hours kHour{1};

struct Options {
  std::string domain;
  std::string since = "24h";
  std::string hour;
  std::string output;
  std::string what = "url";
  std::string by = "requests";
  std::string status;
};

io::Task<Result<json>> hours_of(ApiClient& api, std::string name, WallTime from, WallTime to) {
  YZ_CO_TRY(const json domain, co_await api.find("/api/v1/domains", name));
  const std::string path = fmt::format("/api/v1/domains/{}/logs?from={}&to={}", domain["id"].get<std::uint64_t>(),
                                       percent_encode(format_rfc3339(from)), percent_encode(format_rfc3339(to)));
  co_return co_await api.get(path);
}

io::Task<Status> list(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto since, parse_duration(o.since));
  const WallTime now = SystemClock::instance().wall();
  YZ_CO_TRY(const json found, co_await hours_of(api, o.domain, now - since, now + kHour));
  if (shell.json) {
    shell.print_json(found);
    co_return Status();
  }
  Table table({"hour (UTC)", "lines", "counted", "lost", "removed", "missing", "size", "state"});
  for (const json& hour : found["items"]) {
    const auto count = [&hour](const char* name) { return std::to_string(hour.value(name, std::uint64_t{0})); };
    table.add({hour.value("hour", "").substr(0, 13), count("requests"), count("counted"), count("lost"),
               count("removed"), count("missing"), human_bytes(hour.value("bytes", 0.0)), hour.value("state", "")});
  }
  shell.print(table.empty() ? "no logs in this time\n" : table.text());
  co_return Status();
}

/// "2026-11-21T03", or a whole time within the hour.
Result<WallTime> parse_hour(std::string text) {
  if (text.size() == 13) text += ":00:00Z";
  auto time = parse_rfc3339(text);
  if (!time) return fail(Code::kInvalid, "expected an hour (UTC) such as 2026-11-21T03", Fault::kClient);
  return std::chrono::floor<std::chrono::hours>(*time);
}

io::Task<Status> get(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const WallTime hour, parse_hour(o.hour));
  YZ_CO_TRY(const json found, co_await hours_of(api, o.domain, hour, hour + kHour));
  const std::string name = format_rfc3339(hour).substr(0, 13);
  const json item = found["items"].empty() ? json::object() : found["items"][0];
  if (!item.contains("url")) {
    co_return fail(Code::kNotFound, fmt::format("{} has no log lines of {}", o.domain, name), Fault::kClient);
  }
  const std::filesystem::path file = o.output.empty() ? fmt::format("access-{}-{}.tsv.zst", o.domain, name) : o.output;
  YZ_CO_TRY(const std::string bytes, co_await api.download(item["url"].get<std::string>()));
  YZ_CO_CHECK(write_file_atomically(file, bytes));
  shell.print(fmt::format("{}: {} lines, {} ({})\n", file.string(), item.value("requests", std::uint64_t{0}),
                          human_bytes(static_cast<double>(bytes.size())), item.value("state", "")));
  co_return Status();
}

io::Task<Status> top(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto since, parse_duration(o.since));
  YZ_CO_TRY(const json domain, co_await api.find("/api/v1/domains", o.domain));
  const WallTime now = SystemClock::instance().wall();
  std::string path = fmt::format("/api/v1/domains/{}/top?what={}&by={}&from={}", domain["id"].get<std::uint64_t>(),
                                 o.what, o.by, percent_encode(format_rfc3339(now - since)));
  if (!o.status.empty()) path += "&status=" + percent_encode(o.status);
  YZ_CO_TRY(const json found, co_await api.get(path));
  if (shell.json) {
    shell.print_json(found);
    co_return Status();
  }
  Table table({o.what, "requests", "share", "sent"});
  const double all = std::max(found.value(o.by, 0.0), 1.0);
  for (const json& item : found["items"]) {
    table.add({item.value("value", ""), std::to_string(item.value("requests", std::uint64_t{0})),
               fmt::format("{:.1f} %", item.value(o.by, 0.0) / all * 100), human_bytes(item.value("bytes", 0.0))});
  }
  shell.print(table.empty() ? "no log lines in this time\n" : table.text());
  co_return Status();
}

}  // namespace

void add_logs(CLI::App& app, Shell& shell) {
  auto* logs = app.add_subcommand("logs", "A domain's access logs, by the hour");
  logs->footer(
      "Examples:\n  yz logs list www.a.com --since 7d\n  yz logs get www.a.com 2026-11-21T03\n"
      "  yz logs top www.a.com --what url --by bytes --status 4xx\n"
      "  zstd -dc access-www.a.com-2026-11-21T03.tsv.zst\nThe columns: docs/formats/access-log.md");
  logs->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  auto* listing = logs->add_subcommand("list", "The hours there are, and whether they are complete");
  listing->add_option("domain", o->domain, "Its name")->required();
  listing->add_option("--since", o->since, "How far back, 31d at most")->capture_default_str();
  listing->callback(does(list));
  auto* getting = logs->add_subcommand("get", "Download an hour: tab-separated lines, compressed with zstd");
  getting->add_option("domain", o->domain, "Its name")->required();
  getting->add_option("hour", o->hour, "In UTC: 2026-11-21T03")->required();
  getting->add_option("-o,--output", o->output, "File to write; else access-DOMAIN-HOUR.tsv.zst");
  getting->callback(does(get));
  auto* topping = logs->add_subcommand("top", "What viewers ask for most");
  topping->add_option("domain", o->domain, "Its name")->required();
  topping->add_option("--what", o->what, "url, referer, client, agent or status")->capture_default_str();
  topping->add_option("--by", o->by, "requests or bytes")->capture_default_str();
  topping->add_option("--status", o->status, "Only answers of a class: 4xx");
  topping->add_option("--since", o->since, "How far back, 7d at most")->capture_default_str();
  topping->callback(does(top));
}

}  // namespace yz::cli
