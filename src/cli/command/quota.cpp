#include <algorithm>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string tenant;
  std::optional<std::uint32_t> refresh_urls;
  std::optional<std::uint32_t> refresh_groups;
  std::optional<std::uint32_t> prefetch_urls;
};

/// The API's names of the sums, and what people call them.
constexpr std::pair<const char*, const char*> kSums[] = {
    {"refresh_urls", "URLs refreshed"},
    {"refresh_groups", "directories, tags and domains refreshed"},
    {"prefetch_urls", "URLs prefetched"},
};

void print(const Shell& shell, const json& quota) {
  if (shell.json) return shell.print_json(quota);
  Table table({quota.value("day", ""), "used", "quota", "left"});
  for (const auto& [name, what] : kSums) {
    const json& sum = quota[name];
    const auto most = sum.value("quota", std::uint64_t{0});
    const auto used = sum.value("used", std::uint64_t{0});
    table.add({what, std::to_string(used), std::to_string(most), std::to_string(most - std::min(most, used))});
  }
  shell.print(table.text() + "all starts anew at " + quota.value("resets", "") + '\n');
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  std::string path = "/api/v1/quota";
  if (!o.tenant.empty()) {
    YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
    path += fmt::format("?tenant={}", tenant["id"].get<std::uint64_t>());
  }
  YZ_CO_TRY(const json quota, co_await api.get(path));
  print(shell, quota);
  co_return Status();
}

io::Task<Status> set(ApiClient& api, const Shell& shell, Options o) {
  json wanted = json::object();
  if (o.refresh_urls) wanted["refresh_urls"] = *o.refresh_urls;
  if (o.refresh_groups) wanted["refresh_groups"] = *o.refresh_groups;
  if (o.prefetch_urls) wanted["prefetch_urls"] = *o.prefetch_urls;
  if (wanted.empty()) co_return fail(Code::kInvalid, "say which quota: `yz quota set --help`", Fault::kClient);
  YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
  const std::string path = fmt::format("/api/v1/tenants/{}", tenant["id"].get<std::uint64_t>());
  YZ_CO_TRY([[maybe_unused]] const json changed, co_await api.patch(path, {{"quota", wanted}}));
  co_return co_await show(api, shell, std::move(o));
}

}  // namespace

void add_quota(CLI::App& app, Shell& shell) {
  auto* quota = app.add_subcommand("quota", "What a tenant may refresh and prefetch today, and what it has");
  quota->footer(
      "Days are those of UTC. The operator's own refreshes and prefetches are on nobody's quota.\n"
      "Examples:\n"
      "  yz quota                                             your own, with a tenant's token\n"
      "  yz quota --tenant acme\n"
      "  yz quota set --tenant acme --prefetch-urls 5000      at once, and every day from now on");
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  quota->add_option("--tenant", o->tenant, "Whose (name or id); for operators");
  quota->callback([quota, shows = does(show)] {
    if (quota->get_subcommands().empty()) shows();
  });
  auto* setting = quota->add_subcommand("set", "Give a tenant other quotas");
  setting->add_option("--tenant", o->tenant, "Whose (name or id)")->required();
  setting->add_option("--refresh-urls", o->refresh_urls, "URLs to refresh in a day; 0: none");
  setting->add_option("--refresh-groups", o->refresh_groups, "Directories, tags and domains to refresh in a day");
  setting->add_option("--prefetch-urls", o->prefetch_urls, "URLs to prefetch in a day");
  setting->callback(does(set));
}

}  // namespace yz::cli
