#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/origin_url.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/domains";

struct Options {
  std::string name;
  std::string origin;
  std::string tenant = "sample";
  std::vector<std::string> aliases;
  std::string ttl;
  std::string patch;
  std::string certificate;
  std::string redirect;
  std::string hsts;
  std::string min_tls;
  bool correction = false;
};

std::string row_state(const json& domain) { return domain.value("enabled", true) ? "on" : "off"; }

io::Task<Status> list(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "name", "cname", "origin group", "policy", "state"});
  for (const json& d : items) {
    table.add({std::to_string(d.value("id", 0)), d.value("name", ""), d.value("cname", ""),
               std::to_string(d.value("origin_group", 0)), std::to_string(d.value("policy", 0)), row_state(d)});
  }
  shell.print(table.empty() ? "no domains yet; add one: yz domain add www.a.com --origin http://192.0.2.1\n"
                            : table.text());
  co_return Status();
}

io::Task<Status> add(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
  YZ_CO_TRY(const OriginUrl origin, parse_origin_url(o.origin));
  const json origin_group = {
      {"name", "origin of " + o.name}, {"tenant", tenant["id"]}, {"origins", json::array({origin_json(origin)})}};
  YZ_CO_TRY(const json group, co_await api.post("/api/v1/origin-groups", origin_group));
  json domain = {{"name", o.name},
                 {"tenant", tenant["id"]},
                 {"origin_group", group["id"]},
                 {"aliases", o.aliases},
                 {"correction", o.correction}};
  if (!o.ttl.empty()) domain["cache_rules"] = json::array({{{"match", "all"}, {"action", "ttl"}, {"ttl", o.ttl}}});
  auto made = co_await api.post(kPath, domain);
  if (!made) {
    (void)co_await api.remove(fmt::format("/api/v1/origin-groups/{}", group["id"].get<std::uint64_t>()));
    co_return fail(std::move(made).error());
  }
  if (shell.json) {
    shell.print_json(*made);
  } else {
    shell.print(fmt::format("{} is configured. Point it at the CDN:\n  {}. CNAME {}.\n", o.name, o.name,
                            made->value("cname", "")));
  }
  co_return Status();
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json domain, co_await api.find(kPath, o.name));
  shell.print_json(domain);
  co_return Status();
}

/// The flags of `set` as the change they stand for, over the JSON given.
Result<json> change_of(const Options& o) {
  json patch = o.patch.empty() ? json::object() : json::parse(o.patch, nullptr, false);
  if (!patch.is_object()) {
    return fail(Code::kInvalid, "the change is a JSON object: '{\"correction\": true}'", Fault::kClient);
  }
  if (!o.redirect.empty()) patch["https"]["redirect"] = o.redirect;
  if (!o.hsts.empty()) patch["https"]["hsts"]["max_age"] = o.hsts;
  if (!o.min_tls.empty()) patch["https"]["min_tls"] = o.min_tls;
  if (patch.empty() && o.certificate.empty()) {
    return fail(Code::kInvalid, "nothing to change: give a JSON object or a flag", Fault::kClient);
  }
  return patch;
}

io::Task<Status> set(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json domain, co_await api.find(kPath, o.name));
  YZ_CO_TRY(json patch, change_of(o));
  if (o.certificate == "auto") {
    patch["certificate"] = 0;
  } else if (!o.certificate.empty()) {
    YZ_CO_TRY(const json certificate, co_await api.find("/api/v1/certificates", o.certificate));
    patch["certificate"] = certificate["id"];
  }
  YZ_CO_TRY(const json changed,
            co_await api.patch(fmt::format("{}/{}", kPath, domain["id"].get<std::uint64_t>()), patch));
  shell.json ? shell.print_json(changed) : shell.print(fmt::format("{} changed\n", o.name));
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json domain, co_await api.find(kPath, o.name));
  YZ_CO_TRY([[maybe_unused]] const json gone,
            co_await api.remove(fmt::format("{}/{}", kPath, domain["id"].get<std::uint64_t>())));
  if (!shell.json) shell.print(fmt::format("{} is removed\n", o.name));
  co_return Status();
}

}  // namespace

void add_domain(CLI::App& app, Shell& shell) {
  auto* domain = app.add_subcommand("domain", "The host names that are served");
  domain->footer(
      "Examples:\n"
      "  yz domain add www.a.com --origin http://192.0.2.1:8080   serve www.a.com from there\n"
      "  yz domain add www.a.com --origin https://o.a.com --ttl 1h\n"
      "  yz domain list\n"
      "  yz domain set www.a.com '{\"correction\": true, \"stale_on_error\": \"5m\"}'\n"
      "  yz domain set www.a.com --redirect 308 --hsts 365d\n"
      "  yz domain remove www.a.com");
  domain->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  const auto by_name = [o](CLI::App* command) { command->add_option("name", o->name, "The host name")->required(); };

  domain->add_subcommand("list", "All domains")->callback(does([](ApiClient& api, const Shell& s, const Options&) {
    return list(api, s);
  }));
  auto* adding = domain->add_subcommand("add", "Serve a host name from an origin");
  by_name(adding);
  adding->add_option("--origin", o->origin, "Where its content comes from: http://host[:port] or https://host[:port]")
      ->required();
  adding->add_option("--tenant", o->tenant, "Whose it is (name or id)")->capture_default_str();
  adding->add_option("--alias", o->aliases, "Another name with the same content (repeatable)");
  adding->add_option("--ttl", o->ttl, "Keep everything this long (30s, 5m, 7d); otherwise the origin's headers decide");
  adding->add_flag("--correction", o->correction, "Edges redirect viewers that belong elsewhere");
  adding->callback(does(add));
  auto* showing = domain->add_subcommand("show", "One domain, as the API has it");
  by_name(showing);
  showing->callback(does(show));
  auto* setting = domain->add_subcommand("set", "Change some of its settings");
  by_name(setting);
  setting->add_option("change", o->patch, "JSON object with the fields to change");
  setting->add_option("--certificate", o->certificate, "Show this one, by name; auto: whichever is valid for the name");
  setting->add_option("--redirect", o->redirect, "Answer plain HTTP by sending it to https")
      ->check(CLI::IsMember({"off", "301", "308"}));
  setting->add_option("--hsts", o->hsts, "max-age of Strict-Transport-Security (365d; 0s: none)");
  setting->add_option("--min-tls", o->min_tls, "The oldest TLS spoken")->check(CLI::IsMember({"tls12", "tls13"}));
  setting->callback(does(set));
  auto* removing = domain->add_subcommand("remove", "Stop serving it");
  by_name(removing);
  removing->callback(does(remove));
}

}  // namespace yz::cli
