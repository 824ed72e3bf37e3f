#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "control/portals.h"
#include "control/program.h"
#include "control/sign_in.h"
#include "control/version.h"
#include "io/signal_waiter.h"
#include "store/copy_database.h"

namespace {

constexpr int kBadConfig = 2;

int complain(const yz::Error& error, int status) {
  fmt::print(stderr, "yz-control: {}\n", error.message);
  return status;
}

/// `yz-control migrate`: the embedded database into MariaDB.
int migrate(const std::string& from, const std::string& to) {
  std::uint64_t rows = 0;
  const auto tell = [&rows](const yz::store::CopiedTable& table) {
    rows += table.rows;
    fmt::print("{:<28} {:>10} rows  {}\n", table.name, table.rows, table.hash);
    std::fflush(stdout);
  };
  const auto copied = yz::store::copy_database(from, to, yz::SystemClock::instance().wall(), tell);
  if (!copied) return complain(copied.error(), copied.error().code == yz::Code::kInvalid ? kBadConfig : 1);
  fmt::print("{} tables, {} rows: read back and equal. Give `database:` the new URL.\n", copied->size(), rows);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  yz::io::SignalWaiter::block({SIGTERM, SIGINT});
  CLI::App app("The control plane: API, configuration, refresh and prefetch, usage, node enrolment.");
  app.footer(
      "Example: yz-control --config /etc/yizhan/control.yaml\n         yz-control --state ./state --listen "
      "127.0.0.1:8080");
  app.set_version_flag("--version", std::string(yz::control::kVersion));
  std::string config;
  std::string listen;
  std::string node_listen;
  std::string state;
  std::string database;
  std::string ip_data;
  std::string token_file;
  std::string web;
  std::string cdn_zone;
  std::string admin_email;
  std::string password_file;
  app.add_option("--config", config, "YAML file");
  app.add_option("--listen", listen, "address:port of the API");
  app.add_option("--node-listen", node_listen, "address:port for agents and schedulers");
  app.add_option("--state", state, "Folder for database, bus, CA and tokens");
  app.add_option("--database", database, "sqlite:/path or mysql://user:password@host:port/name");
  app.add_option("--ip-data", ip_data, "Compiled address map (yz-geo-build)");
  app.add_option("--web", web, "Folder of the built portals; found beside the program when left out");
  app.add_option("--cdn-zone", cdn_zone, "Zone of a new cluster's CNAME targets");
  app.add_option("--bootstrap-token-file", token_file,
                 "File with the first operator token; made and printed without it");
  app.add_option("--admin-email", admin_email, "The first user, admin@localhost by default");
  app.add_option("--admin-password-file", password_file,
                 "File with the first user's password; made and printed without it");
  std::string from;
  std::string to;
  CLI::App* copy =
      app.add_subcommand("migrate", "Copy a stopped control's database from SQLite to MariaDB, and prove it");
  copy->add_option("--from", from, "sqlite:/path, such as sqlite:control-state/control.db")->required();
  copy->add_option("--to", to, "mysql://user:password@host:port/name of an empty database")->required();
  CLI11_PARSE(app, argc, argv);
  if (*copy) return migrate(from, to);

  yz::control::ControlSettings settings;
  if (!config.empty()) {
    auto read = yz::control::read_settings(config);
    if (!read) return complain(read.error(), kBadConfig);
    settings = *std::move(read);
  }
  if (!listen.empty()) {
    const auto endpoint = yz::Endpoint::parse(listen);
    if (!endpoint) return complain(endpoint.error(), kBadConfig);
    settings.listen = *endpoint;
  }
  if (!node_listen.empty()) settings.node_listen = node_listen;
  if (!state.empty()) settings.state = state;
  if (!database.empty()) settings.database = database;
  if (!ip_data.empty()) settings.ip_data = ip_data;
  if (!cdn_zone.empty()) settings.cdn_zone = cdn_zone;
  if (!web.empty()) settings.web = web;
  if (settings.web.empty()) {
    std::error_code ignored;
    const auto program_file = std::filesystem::read_symlink("/proc/self/exe", ignored);
    settings.web = yz::control::Portals::find(program_file.parent_path());
  }
  if (!token_file.empty()) settings.bootstrap_token_file = token_file;
  if (!password_file.empty()) settings.admin_password_file = password_file;
  if (!admin_email.empty()) {
    settings.admin_email = yz::control::canonical_email(admin_email);
    if (settings.admin_email.empty()) {
      fmt::print(stderr, "yz-control: --admin-email: expected an email address\n");
      return kBadConfig;
    }
  }

  if (auto opened = yz::log::open("yz-control", {settings.log_level, false, settings.log_file}); !opened) {
    return complain(opened.error(), 1);
  }
  auto program = yz::control::ControlProgram::open(settings);
  if (!program) return complain(program.error(), 1);
  yz::control::ControlProgram& control = **program;
  control.stop_at_signals();
  fmt::print("yz-control: API on http://{}, nodes on port {}\n", to_string(control.api()), control.node_port());
  if (control.has_portals()) {
    fmt::print("yz-control: portals on http://{0}/operator/ and http://{0}/portal/\n", to_string(control.api()));
  }
  if (const auto& token = control.first_secrets().token) {
    fmt::print("yz-control: operator token (shown once, also in {}): {}\n",
               (settings.state / "operator.token").string(), *token);
  }
  if (const auto& password = control.first_secrets().password) {
    fmt::print("yz-control: sign in as {} with the password (shown once, also in {}): {}\n", settings.admin_email,
               (settings.state / "admin.password").string(), *password);
  }
  std::fflush(stdout);
  control.run();
  return 0;
}
