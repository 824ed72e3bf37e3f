#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/certificates";
constexpr std::size_t kMaxPem = 1 << 20;

struct Options {
  std::string name;
  std::string chain;
  std::string key;
  std::string tenant = "sample";
};

Result<json> read_pair(const Options& o) {
  YZ_TRY(const std::string chain, read_file(o.chain, kMaxPem));
  YZ_TRY(const std::string key, read_file(o.key, kMaxPem));
  return json{{"name", o.name}, {"chain_pem", chain}, {"key_pem", key}};
}

void print_one(const Shell& shell, const json& certificate, std::string_view deed) {
  if (shell.json) return shell.print_json(certificate);
  shell.print(fmt::format("{} {}: for {}, until {}\n", certificate.value("name", ""), deed,
                          fmt::join(certificate.value("names", std::vector<std::string>()), ", "),
                          certificate.value("not_after", "?")));
}

io::Task<Status> list(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "name", "valid for", "until"});
  for (const json& c : items) {
    table.add({std::to_string(c.value("id", 0)), c.value("name", ""),
               fmt::format("{}", fmt::join(c.value("names", std::vector<std::string>()), " ")),
               c.value("not_after", "")});
  }
  shell.print(table.empty() ? "no certificates yet; add one: yz certificate add a.com --chain a.pem --key a.key\n"
                            : table.text());
  co_return Status();
}

io::Task<Status> add(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(json wanted, read_pair(o));
  YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
  wanted["tenant"] = tenant["id"];
  YZ_CO_TRY(const json made, co_await api.post(kPath, wanted));
  print_one(shell, made, "is shown by all edges now");
  co_return Status();
}

io::Task<Status> replace(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json wanted, read_pair(o));
  YZ_CO_TRY(const json before, co_await api.find(kPath, o.name));
  const std::string path = fmt::format("{}/{}", kPath, before["id"].get<std::uint64_t>());
  YZ_CO_TRY(const json changed, co_await api.patch(path, wanted));
  print_one(shell, changed, "is replaced");
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json found, co_await api.find(kPath, o.name));
  const std::string path = fmt::format("{}/{}", kPath, found["id"].get<std::uint64_t>());
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.remove(path));
  if (!shell.json) shell.print(fmt::format("{} is removed\n", o.name));
  co_return Status();
}

}  // namespace

void add_certificate(CLI::App& app, Shell& shell) {
  auto* certificate = app.add_subcommand("certificate", "What edges show to viewers over TLS")->alias("cert");
  certificate->footer(
      "A certificate is shown for every domain of its tenant that it is valid for; see docs/operate/tls.md.\n"
      "Examples:\n"
      "  yz certificate add a.com --chain fullchain.pem --key privkey.pem\n"
      "  yz certificate replace a.com --chain fullchain.pem --key privkey.pem\n"
      "  yz certificate list\n"
      "  yz cert authority-add letsencrypt --directory https://acme-v02.api.letsencrypt.org/directory\n"
      "  yz cert order www.a.com        ordered, and renewed in time\n"
      "  yz cert order '*.a.com' a.com   a wildcard, proved by DNS");
  certificate->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  const auto by_name = [&](const char* name, const char* what, auto work) {
    auto* command = certificate->add_subcommand(name, what);
    command->add_option("name", o->name, "What it is called here")->required();
    command->callback(does(work));
    return command;
  };
  const auto with_files = [o](CLI::App* command) {
    command->add_option("--chain", o->chain, "PEM file, the certificate first, then who issued it")->required();
    command->add_option("--key", o->key, "PEM file of its private key, without a passphrase")->required();
    return command;
  };
  certificate->add_subcommand("list", "All certificates")
      ->callback(does([](ApiClient& api, const Shell& s, const Options&) { return list(api, s); }));
  auto* adding = with_files(by_name("add", "Upload one", add));
  adding->add_option("--tenant", o->tenant, "Whose it is (name or id)")->capture_default_str();
  with_files(by_name("replace", "Another one in its place", replace));
  by_name("remove", "Show it no more", remove);
  add_certificate_orders(*certificate, shell);
}

}  // namespace yz::cli
