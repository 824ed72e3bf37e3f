#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/origin_url.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/origin-groups";

struct Options {
  std::string name;
  std::string tenant = "sample";
  std::vector<std::string> servers;
  std::vector<std::string> backups;
  std::string host_header;
};

io::Task<Status> list(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "name", "origins"});
  for (const json& g : items) {
    std::string origins;
    for (const json& one : g["origins"]) {
      if (!origins.empty()) origins += ", ";
      origins += fmt::format("{}://{}:{}{}", one.value("tls", false) ? "https" : "http", one.value("host", ""),
                             one.value("port", 80), one.value("backup", false) ? " (backup)" : "");
    }
    table.add({std::to_string(g.value("id", 0)), g.value("name", ""), origins});
  }
  shell.print(table.text());
  co_return Status();
}

Result<json> origins_of(const Options& o) {
  json out = json::array();
  const auto add = [&out](const std::vector<std::string>& urls, bool backup) -> Status {
    for (const std::string& url : urls) {
      YZ_TRY(const OriginUrl origin, parse_origin_url(url));
      out.push_back(origin_json(origin));
      out.back()["backup"] = backup;
    }
    return {};
  };
  YZ_CHECK(add(o.servers, false));
  YZ_CHECK(add(o.backups, true));
  return out;
}

io::Task<Status> add(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
  YZ_CO_TRY(const json origins, origins_of(o));
  json wanted = {{"name", o.name}, {"tenant", tenant["id"]}, {"origins", origins}};
  if (!o.host_header.empty()) wanted["host_header"] = o.host_header;
  YZ_CO_TRY(const json made, co_await api.post(kPath, wanted));
  shell.json ? shell.print_json(made)
             : shell.print(fmt::format("origin group {} has id {}\n", o.name, made.value("id", 0)));
  co_return Status();
}

io::Task<Status> set(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json group, co_await api.find(kPath, o.name));
  YZ_CO_TRY(const json origins, origins_of(o));
  json wanted = {{"origins", origins}};
  if (!o.host_header.empty()) wanted["host_header"] = o.host_header;
  YZ_CO_TRY(const json changed,
            co_await api.patch(fmt::format("{}/{}", kPath, group["id"].get<std::uint64_t>()), wanted));
  shell.json ? shell.print_json(changed) : shell.print(fmt::format("{} changed\n", o.name));
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json group, co_await api.find(kPath, o.name));
  YZ_CO_TRY([[maybe_unused]] const json gone,
            co_await api.remove(fmt::format("{}/{}", kPath, group["id"].get<std::uint64_t>())));
  if (!shell.json) shell.print(fmt::format("{} is removed\n", o.name));
  co_return Status();
}

}  // namespace

void add_origin(CLI::App& app, Shell& shell) {
  auto* origin = app.add_subcommand("origin", "Where content comes from");
  origin->footer(
      "Examples:\n"
      "  yz origin list\n"
      "  yz origin add shop --server https://o1.a.com --server https://o2.a.com --backup http://192.0.2.9:8080\n"
      "  yz origin set shop --server https://o3.a.com");
  origin->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  origin->add_subcommand("list", "All origin groups")
      ->callback(does([](ApiClient& api, const Shell& s, const Options&) { return list(api, s); }));
  const auto with_servers = [&](const char* name, const char* what, auto work) {
    auto* command = origin->add_subcommand(name, what);
    command->add_option("name", o->name, "The group's name")->required();
    command->add_option("--server", o->servers, "http://host[:port] or https://host[:port] (repeatable)")->required();
    command->add_option("--backup", o->backups, "Used while no other answers (repeatable)");
    command->add_option("--host-header", o->host_header, "Host sent to it; the viewer's by default");
    command->callback(does(work));
    return command;
  };
  with_servers("add", "A new origin group", add)
      ->add_option("--tenant", o->tenant, "Whose it is (name or id)")
      ->capture_default_str();
  with_servers("set", "Replace a group's origins", set);
  auto* removing = origin->add_subcommand("remove", "Forget a group no domain uses");
  removing->add_option("name", o->name, "The group's name")->required();
  removing->callback(does(remove));
}

}  // namespace yz::cli
