#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/caps";

struct Options {
  std::string kind;
  std::uint64_t limit = 0;
  std::string domain;
  std::string tenant;
  bool suspended = false;
  std::uint64_t id = 0;
};

std::string show(const json& cap, const char* name) {
  const double value = cap.value(name, 0.0);
  const std::string kind = cap.value("kind", "");
  return kind == "bandwidth" ? human_bits(value)
         : kind == "traffic" ? human_bytes(value)
                             : fmt::format("{:.2f}", value);
}

std::string state_of(const json& cap) {
  if (cap.contains("suspended_until")) {
    return coloured(Colour::kRed, "suspended until " + cap.value("suspended_until", ""));
  }
  return cap.contains("reached") ? "free; reached " + cap.value("reached", "") : "free";
}

io::Task<Status> list(ApiClient& api, const Shell& shell, Options o) {
  std::string path = fmt::format("{}{}", kPath, o.suspended ? "?suspended=true" : "");
  if (!o.tenant.empty()) {
    YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
    path += fmt::format("{}tenant={}", o.suspended ? '&' : '?', tenant["id"].get<std::uint64_t>());
  }
  YZ_CO_TRY(const json items, co_await api.list(path));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "tenant", "for", "kind", "limit", "used", "set by", "state"});
  for (const json& cap : items) {
    table.add({std::to_string(cap.value("id", 0)), std::to_string(cap.value("tenant", 0)),
               cap.value("domain_name", "all domains"), cap.value("kind", ""), show(cap, "limit"),
               cap.contains("used") ? show(cap, "used") : "-", cap.value("set_by", ""), state_of(cap)});
  }
  const char* nothing =
      o.suspended ? "no cap holds viewers back\n" : "no caps; `yz cap set --help` shows how to set one\n";
  shell.print(table.empty() ? nothing : table.text());
  co_return Status();
}

/// The cap of this kind for this domain or tenant that the caller's side has set; null: none.
io::Task<Result<json>> find_cap(ApiClient& api, json wanted) {
  YZ_CO_TRY(const json me, co_await api.get("/api/v1/whoami"));
  const std::string side = me.contains("tenant") ? "tenant" : "operator";
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  for (const json& cap : items) {
    const bool is_same = cap["kind"] == wanted["kind"] && cap["set_by"] == side &&
                         cap.value("domain", std::uint64_t{0}) == wanted.value("domain", std::uint64_t{0});
    if (is_same && (!wanted.contains("tenant") || cap["tenant"] == wanted["tenant"])) co_return cap;
  }
  co_return json();
}

/// Sets a cap, or changes the one there is.
io::Task<Status> set(ApiClient& api, const Shell& shell, Options o) {
  json wanted = {{"kind", o.kind}, {"limit", o.limit}};
  if (!o.domain.empty()) {
    YZ_CO_TRY(const json domain, co_await api.find("/api/v1/domains", o.domain));
    wanted["domain"] = domain["id"];
  }
  if (!o.tenant.empty()) {
    YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
    wanted["tenant"] = tenant["id"];
  }
  YZ_CO_TRY(json cap, co_await find_cap(api, wanted));
  if (cap.is_null()) {
    YZ_CO_TRY(cap, co_await api.post(kPath, wanted));
  } else {
    const std::string path = fmt::format("{}/{}", kPath, cap["id"].get<std::uint64_t>());
    YZ_CO_TRY(cap, co_await api.patch(path, {{"limit", o.limit}}));
  }
  if (shell.json) {
    shell.print_json(cap);
    co_return Status();
  }
  shell.print(fmt::format("cap {}: {} of {} at most {}\n", cap["id"].get<std::uint64_t>(), o.kind,
                          cap.value("domain_name", "all domains"), show(cap, "limit")));
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.remove(fmt::format("{}/{}", kPath, o.id)));
  if (!shell.json) shell.print(fmt::format("cap {} is removed; what it suspended is served again\n", o.id));
  co_return Status();
}

}  // namespace

void add_cap(CLI::App& app, Shell& shell) {
  auto* cap = app.add_subcommand("cap", "The most that tenants and domains may use");
  cap->footer(
      "Every edge refuses viewers (503) while a cap is reached. Bandwidth lets go after a minute, traffic and spend "
      "when\n"
      "the month ends or the cap is raised.\n"
      "Examples:\n"
      "  yz cap set bandwidth 100000000 --domain www.a.com   100 Mbit/s\n"
      "  yz cap set traffic 5000000000000 --tenant acme      5 TB a month\n"
      "  yz cap set spend 2000 --tenant acme                 2,000 of the contract's currency a month\n"
      "  yz cap list --suspended                             what is held back now");
  cap->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  auto* listing = cap->add_subcommand("list", "All caps, and what they have come to");
  listing->add_option("--tenant", o->tenant, "Only this tenant's (name or id)");
  listing->add_flag("--suspended", o->suspended, "Only those that hold viewers back now");
  listing->callback(does(list));
  auto* setting = cap->add_subcommand("set", "Set a cap, or change the one there is");
  setting->add_option("kind", o->kind, "What is capped")
      ->required()
      ->check(CLI::IsMember({"bandwidth", "traffic", "spend"}));
  setting->add_option("limit", o->limit, "bit/s, bytes, or units of currency")->required()->check(CLI::PositiveNumber);
  setting->add_option("--domain", o->domain, "For this domain alone (name or id)");
  setting->add_option("--tenant", o->tenant, "For all domains of this tenant (name or id)");
  setting->callback(does(set));
  auto* removing = cap->add_subcommand("remove", "Remove a cap");
  removing->add_option("id", o->id, "Its number, see `yz cap list`")->required();
  removing->callback(does(remove));
}

}  // namespace yz::cli
