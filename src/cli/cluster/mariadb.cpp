#include "cli/cluster/mariadb.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/find_program.h"
#include "cli/cluster/greeting.h"

namespace yz::cli {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::string_view kMissing =
    "MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core";
constexpr unsigned kSecretMode = 0600;

/// Run by the server at each start, before it takes connections.
std::string first_statements(const Mariadb& server) {
  constexpr std::string_view kAccount = "'yizhan'@'127.0.0.1'";
  return fmt::format(
      "CREATE DATABASE IF NOT EXISTS yizhan;\n"
      "CREATE USER IF NOT EXISTS {0};\n"
      "ALTER USER {0} IDENTIFIED BY '{1}';\n"
      "GRANT ALL PRIVILEGES ON yizhan.* TO {0};\n",
      kAccount, server.password);
}

/// The socket's path is relative to the data: that of the data may be too long for one.
std::string settings(const Mariadb& server) {
  return fmt::format(
      "[mariadbd]\n"
      "datadir=\"{0}/data\"\n"
      "init-file=\"{0}/init.sql\"\n"
      "socket=mariadb.sock\n"
      "pid-file=mariadb.pid\n"
      "bind-address=127.0.0.1\n"
      "port={1}\n"
      "skip-name-resolve\n"
      "{2}",
      server.folder.string(), server.port, ::geteuid() == 0 ? "user=root\n" : "");  // it refuses root otherwise
}

/// Beside its place first, so that one that broke off is made anew.
io::Task<Status> make_data(io::Reactor& reactor, const Mariadb& server) {
  const std::filesystem::path data = server.folder / "data";
  if (std::filesystem::exists(data)) co_return Status();
  const std::string install = find_program("mariadb-install-db");
  // It asks my_print_defaults, a program of another package, and without it says something else.
  if (install.empty() || find_program("my_print_defaults").empty())
    co_return fail(Code::kNotFound, std::string(kMissing));
  const std::filesystem::path unfinished = server.folder / "data.unfinished";
  std::error_code error;
  std::filesystem::remove_all(unfinished, error);
  io::ChildProcess::Options options;
  options.argv = {install, "--no-defaults", "--skip-test-db", "--datadir=" + unfinished.string()};
  if (::geteuid() == 0) options.argv.emplace_back("--user=root");
  options.stdout_file = server.folder / "install.log";
  YZ_CO_TRY(io::ChildProcess process, io::ChildProcess::start(reactor, options));
  YZ_CO_TRY(const io::ExitStatus end, co_await process.wait(reactor.in(seconds(120))));
  if (!end.is_success()) {
    co_return fail(Code::kInternal, fmt::format("mariadb-install-db ended with {}; see {}", to_string(end),
                                                options.stdout_file.string()));
  }
  std::filesystem::rename(unfinished, data, error);
  if (error) co_return fail_errno(data.string(), error.value());
  co_return Status();
}

}  // namespace

std::string Mariadb::url() const { return fmt::format("mysql://yizhan:{}@127.0.0.1:{}/yizhan", password, port); }

Mariadb mariadb_of(const ClusterPlan& plan) {
  return {plan.folder / "mariadb", plan.production->database_port, plan.production->database_password};
}

io::Task<Result<Program>> prepare(io::Reactor& reactor, Mariadb server, std::filesystem::path log) {
  const std::string program = find_program("mariadbd");
  if (program.empty()) co_return fail(Code::kNotFound, std::string(kMissing));
  YZ_CO_CHECK(make_folder(server.folder));
  YZ_CO_CHECK(co_await make_data(reactor, server));
  YZ_CO_CHECK(write_file_atomically(server.folder / "init.sql", first_statements(server), kSecretMode));
  const std::filesystem::path file = server.folder / "mariadb.cnf";
  YZ_CO_CHECK(write_file_atomically(file, settings(server), kSecretMode));
  Program out{"mariadb", {program, "--defaults-file=" + file.string()}, std::move(log)};
  out.ends_last = true;
  co_return out;
}

io::Task<Status> wait_until_open(Mariadb server, MonoTime deadline) {
  while (true) {
    const std::string greeting = co_await greeting_of(server.port, deadline);
    if (greeting.size() > 4 && greeting[4] == 10) co_return Status();  // version 10 of the protocol, after four bytes
    if (io::Reactor::current().now() >= deadline) co_return fail(Code::kTimeout, "MariaDB does not answer");
    co_await io::sleep_for(milliseconds(50));
  }
}

}  // namespace yz::cli
