#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/users";
constexpr std::size_t kMaxSecretFile = 4096;

struct Options {
  std::string email;
  std::string name;
  std::string role = "admin";
  std::string tenant;
  std::string password_file;
};

io::Task<Result<json>> find_user(ApiClient& api, std::string email) {
  YZ_CO_TRY(const json items, co_await api.list(fmt::format("{}?email={}", kPath, percent_encode(email))));
  const std::string wanted = to_lower(trim(email));
  for (const json& user : items) {
    if (user.value("email", "") == wanted) co_return user;
  }
  co_return fail(Code::kNotFound, fmt::format("there is no user '{}'", email));
}

std::string path_of(const json& user) { return fmt::format("{}/{}", kPath, user["id"].get<std::uint64_t>()); }

/// The password of the file, if one is named.
Status add_password(const Options& o, json& body) {
  if (o.password_file.empty()) return {};
  YZ_TRY(const std::string text, read_file(o.password_file, kMaxSecretFile));
  body["password"] = std::string(trim(text));
  return {};
}

void print_password(const Shell& shell, const std::string& email, const json& answer) {
  if (shell.json) return shell.print_json(answer);
  const std::string made = answer.is_object() ? answer.value("password", "") : "";
  shell.print(made.empty() ? fmt::format("{} signs in with the password of the file, and has to change it\n", email)
                           : fmt::format("{} signs in with {} (shown once), and has to change it\n", email, made));
}

io::Task<Status> list(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  Table table({"id", "email", "role", "tenant", "second factor", "identity", "last login"});
  for (const json& user : items) {
    table.add({std::to_string(user.value("id", 0)), user.value("email", ""),
               user.value("role", "") + (user.value("enabled", true) ? "" : " (disabled)"),
               user.contains("tenant") ? std::to_string(user.value("tenant", 0)) : "-",
               user.value("second_factor", false) ? "yes" : "no", user.value("identity_issuer", "-"),
               user.value("last_login", "never")});
  }
  shell.print(table.text());
  co_return Status();
}

io::Task<Status> add(ApiClient& api, const Shell& shell, Options o) {
  json wanted = {{"email", o.email}, {"role", o.role}};
  if (!o.name.empty()) wanted["name"] = o.name;
  if (!o.tenant.empty()) {
    YZ_CO_TRY(const json tenant, co_await api.find("/api/v1/tenants", o.tenant));
    wanted["tenant"] = tenant["id"];
  }
  YZ_CO_CHECK(add_password(o, wanted));
  YZ_CO_TRY(const json made, co_await api.post(kPath, wanted));
  print_password(shell, o.email, made);
  co_return Status();
}

io::Task<Status> reset_password(ApiClient& api, const Shell& shell, Options o) {
  json wanted = json::object();
  YZ_CO_CHECK(add_password(o, wanted));
  YZ_CO_TRY(const json user, co_await find_user(api, o.email));
  YZ_CO_TRY(const json answer, co_await api.post(path_of(user) + "/password", wanted));
  print_password(shell, o.email, answer);
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json user, co_await find_user(api, o.email));
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.remove(path_of(user)));
  if (!shell.json) shell.print(fmt::format("{} is removed and signed out\n", o.email));
  co_return Status();
}

}  // namespace

void add_user(CLI::App& app, Shell& shell) {
  auto* user = app.add_subcommand("user", "People who sign in");
  user->footer(
      "Roles of the operator: admin, operations, support. Of a tenant: owner, member, billing, viewer.\n"
      "Examples:\n"
      "  yz user add ann@example.com                              an administrator; prints a password once\n"
      "  yz user add bob@acme.com --role owner --tenant acme\n"
      "  yz user password ann@example.com                         a new one, and signed out everywhere\n"
      "  yz user list");
  user->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  const auto by_email = [&](const char* name, const char* what, auto work) {
    auto* command = user->add_subcommand(name, what);
    command->add_option("email", o->email, "What they sign in with")->required();
    command->callback(does(work));
    return command;
  };
  constexpr const char* kPasswordFile = "File with the password; made and printed without it";
  user->add_subcommand("list", "All users")->callback(does([](ApiClient& api, const Shell& s, const Options&) {
    return list(api, s);
  }));
  auto* adding = by_email("add", "Make one", add);
  adding->add_option("--name", o->name, "What people call them");
  adding->add_option("--role", o->role, "What they may do")->capture_default_str();
  adding->add_option("--tenant", o->tenant, "Whose they are (name or id); nobody's: the operator's");
  adding->add_option("--password-file", o->password_file, kPasswordFile);
  by_email("password", "Give one a new password", reset_password)
      ->add_option("--password-file", o->password_file, kPasswordFile);
  by_email("remove", "Let one in no more", remove);
}

}  // namespace yz::cli
