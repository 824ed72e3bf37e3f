#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/shell.h"
#include "cli/table.h"
#include "io/reactor.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kCertificates = "/api/v1/certificates";
constexpr const char* kOrders = "/api/v1/certificates/orders";
constexpr const char* kAccounts = "/api/v1/settings/acme-accounts";
constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::size_t kMaxPem = 1 << 20;

struct Options {
  std::vector<std::string> names;
  std::string name;
  std::string tenant = "sample";
  std::string challenge;
  std::string key;
  std::string account;
  std::uint64_t reason = 0;
  std::uint64_t wait_seconds = 300;
  // of an account
  std::string directory;
  std::vector<std::string> contacts;
  std::string external_key_id;
  std::string external_mac_key;
  std::string ca_file;
  std::uint64_t priority = 100;
};

std::string order_text(const json& order) {
  std::string out = fmt::format("order {}: {} for {} at {}\n", order.value("id", 0), order.value("state", ""),
                                fmt::join(order.value("names", std::vector<std::string>()), ", "),
                                order.value("account", json::object()).value("name", "?"));
  if (const std::string error = order.value("error", ""); !error.empty()) out += fmt::format("  {}\n", error);
  for (const json& one : order.value("delegations", json::array())) {
    out += fmt::format("  needs: {} CNAME {}\n", one.value("name", ""), one.value("cname", ""));
  }
  return out;
}

/// Prints the order when it is over, or its time is.
io::Task<Status> follow(ApiClient& api, const Shell& shell, json order, std::uint64_t wait_seconds) {
  if (!shell.json) shell.print(order_text(order));
  const std::string path = fmt::format("{}/{}", kOrders, order.value("id", 0));
  for (std::uint64_t i = 0; i < wait_seconds * 2 && !order.contains("finished"); ++i) {
    co_await io::sleep_for(kLookEvery);
    YZ_CO_TRY(order, co_await api.get(path));
  }
  shell.json ? shell.print_json(order) : shell.print(order_text(order));
  if (order.value("state", "") == "failed") co_return fail(Code::kConflict, "the order has failed");
  co_return Status();
}

io::Task<Status> place(ApiClient& api, const Shell& shell, Options o) {
  json wanted{{"names", o.names}};
  if (!o.name.empty()) wanted["name"] = o.name;
  if (!o.challenge.empty()) wanted["challenge"] = o.challenge;
  if (!o.key.empty()) wanted["key"] = o.key;
  YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
  wanted["tenant"] = tenant["id"];
  if (!o.account.empty()) {
    YZ_CO_TRY(const json account, co_await api.find(kAccounts, o.account));
    wanted["account"] = account["id"];
  }
  YZ_CO_TRY(json order, co_await api.post(kOrders, wanted));
  co_return co_await follow(api, shell, std::move(order), o.wait_seconds);
}

io::Task<Status> renew(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json found, co_await api.find(kCertificates, o.name));
  const std::string path = fmt::format("{}/{}/renew", kCertificates, found.value("id", 0));
  const json nothing = json::object();
  YZ_CO_TRY(json order, co_await api.post(path, nothing));
  co_return co_await follow(api, shell, std::move(order), o.wait_seconds);
}

io::Task<Status> revoke(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json found, co_await api.find(kCertificates, o.name));
  const std::string path = fmt::format("{}/{}/revoke", kCertificates, found.value("id", 0));
  const json body{{"reason", o.reason}};
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.post(path, body));
  if (!shell.json) shell.print(fmt::format("{} is revoked; edges show it until it is renewed or removed\n", o.name));
  co_return Status();
}

io::Task<Status> list_orders(ApiClient& api, const Shell& shell) {
  const std::string path = fmt::format("{}?limit=50", kOrders);
  YZ_CO_TRY(const json page, co_await api.get(path));
  if (shell.json) {
    shell.print_json(page["items"]);
    co_return Status();
  }
  Table table({"id", "state", "names", "account", "created", "last failure"});
  for (const json& order : page["items"]) {
    table.add({std::to_string(order.value("id", 0)), order.value("state", ""),
               fmt::format("{}", fmt::join(order.value("names", std::vector<std::string>()), " ")),
               order.value("account", json::object()).value("name", "?"), order.value("created", ""),
               order.value("error", "")});
  }
  shell.print(table.empty() ? "no orders yet; place one: yz cert order www.a.com\n" : table.text());
  co_return Status();
}

io::Task<Status> list_accounts(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kAccounts));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "name", "directory", "asked", "registered"});
  for (const json& account : items) {
    table.add({std::to_string(account.value("id", 0)), account.value("name", ""), account.value("directory", ""),
               account.value("enabled", false) ? std::to_string(account.value("priority", 0)) : "off",
               account.value("registered", false) ? "yes" : "no"});
  }
  shell.print(table.empty() ? "no authorities yet; add one: yz cert authority-add NAME --directory URL\n"
                            : table.text());
  co_return Status();
}

io::Task<Status> add_account(ApiClient& api, const Shell& shell, Options o) {
  json wanted{{"name", o.name}, {"directory", o.directory}, {"contacts", o.contacts}, {"priority", o.priority}};
  if (!o.external_key_id.empty()) wanted["external_key_id"] = o.external_key_id;
  if (!o.external_mac_key.empty()) wanted["external_mac_key"] = o.external_mac_key;
  if (!o.ca_file.empty()) {
    YZ_CO_TRY(wanted["ca_pem"], read_file(o.ca_file, kMaxPem));
  }
  YZ_CO_TRY(const json made, co_await api.post(kAccounts, wanted));
  shell.json ? shell.print_json(made)
             : shell.print(fmt::format("{} is asked for certificates from now on\n", made.value("name", "")));
  co_return Status();
}

io::Task<Status> remove_account(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json found, co_await api.find(kAccounts, o.name));
  const std::string path = fmt::format("{}/{}", kAccounts, found.value("id", 0));
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.remove(path));
  if (!shell.json) shell.print(fmt::format("{} is removed\n", o.name));
  co_return Status();
}

}  // namespace

void add_certificate_orders(CLI::App& certificate, Shell& shell) {
  const auto o = std::make_shared<Options>();
  const auto command = [&](const char* name, const char* what, auto work) {
    CLI::App* made = certificate.add_subcommand(name, what);
    made->callback([&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    });
    return made;
  };
  const auto named = [o](CLI::App* made) {
    made->add_option("name", o->name, "What it is called here")->required();
    return made;
  };
  const auto waiting = [o](CLI::App* made) {
    made->add_option("--wait", o->wait_seconds, "Seconds to wait for its end; 0: do not")->capture_default_str();
    return made;
  };
  CLI::App* ordering = waiting(command("order", "Order one at a certificate authority; it renews itself", place));
  ordering->add_option("names", o->names, "DNS names, \"*.a.com\" allowed")->required();
  ordering->add_option("--name", o->name, "What it is called here; the first name by default");
  ordering->add_option("--tenant", o->tenant, "Whose it is (name or id)")->capture_default_str();
  ordering->add_option("--account", o->account, "Of this authority alone");
  ordering->add_option("--challenge", o->challenge, "How the names are proved")
      ->check(CLI::IsMember({"http-01", "dns-01"}));
  ordering->add_option("--key", o->key, "Kind of its key")->check(CLI::IsMember({"ecdsa_p256", "rsa2048"}));
  waiting(named(command("renew", "Renew one now", renew)));
  named(command("revoke", "Revoke one at its authority", revoke))
      ->add_option("--reason", o->reason, "Of RFC 5280 section 5.3.1; 1: the key is lost, 4: replaced");
  command("orders", "The last orders and what became of them",
          [](ApiClient& api, const Shell& s, const Options&) { return list_orders(api, s); });
  command("authorities", "Certificate authorities, the one asked first first",
          [](ApiClient& api, const Shell& s, const Options&) { return list_accounts(api, s); });
  CLI::App* adding = named(command("authority-add", "Ask this one for certificates, too", add_account));
  adding->add_option("--directory", o->directory, "URL of its ACME directory")->required();
  adding->add_option("--contact", o->contacts, "Mail addresses it may write to");
  adding->add_option("--external-key-id", o->external_key_id, "Of an external account binding");
  adding->add_option("--external-mac-key", o->external_mac_key, "Its key, base64url");
  adding->add_option("--ca", o->ca_file, "PEM file of roots to trust its server by, instead of the system's");
  adding->add_option("--priority", o->priority, "The lowest is asked first")->capture_default_str();
  named(command("authority-remove", "Ask it no more", remove_account));
}

}  // namespace yz::cli
