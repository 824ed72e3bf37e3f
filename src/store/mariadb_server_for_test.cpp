#include "store/mariadb_server_for_test.h"

#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/find_program.h"
#include "base/text.h"
#include "store/connection.h"
#include "store/database.h"

namespace yz::store {
namespace {

namespace fs = std::filesystem;

/// A new folder in memory where there is room (hundreds of CREATE TABLE wait for the disk otherwise), or a temporary
/// one.
fs::path new_folder() {
  std::error_code error;
  const auto space = fs::space("/dev/shm", error);
  const bool in_memory = !error && space.available > (1ULL << 29) && ::access("/dev/shm", W_OK) == 0;
  std::string pattern = ((in_memory ? fs::path("/dev/shm") : fs::temp_directory_path()) / "yz-mariadb-XXXXXX").native();
  YZ_ASSERT(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

/// mariadbd refuses to run as root unless told so by name.
void add_user(std::vector<std::string>& arguments) {
  if (::geteuid() == 0) arguments.emplace_back("--user=root");
}

}  // namespace

Result<std::unique_ptr<MariadbServer>> MariadbServer::start() {
  const std::string install = find_program("mariadb-install-db");
  if (install.empty() || find_program("mariadbd").empty() || find_program("my_print_defaults").empty()) {
    return fail(Code::kNotFound, "mariadbd is not installed: apt-get install mariadb-server-core mariadb-client-core");
  }
  std::unique_ptr<MariadbServer> server(new MariadbServer);
  const fs::path& folder = server->folder_;
  std::vector<std::string> arguments{install, "--no-defaults", "--auth-root-authentication-method=normal",
                                     "--skip-test-db", fmt::format("--datadir={}", (folder / "data").native())};
  add_user(arguments);
  YZ_CHECK(run_for_test(arguments, folder / "install.log"));
  YZ_CHECK(server->launch());
  return server;
}

Status MariadbServer::launch() {
  const fs::path& folder = folder_;
  std::vector<std::string> arguments{find_program("mariadbd"),
                                     "--no-defaults",
                                     fmt::format("--datadir={}", (folder / "data").native()),
                                     fmt::format("--socket={}", (folder / "socket").native()),
                                     fmt::format("--pid-file={}", (folder / "pid").native()),
                                     "--skip-networking",
                                     "--performance-schema=OFF",
                                     "--innodb-buffer-pool-size=64M",
                                     "--innodb-log-file-size=32M",
                                     "--innodb-flush-log-at-trx-commit=0",
                                     "--innodb-doublewrite=OFF",
                                     "--innodb-flush-method=nosync",
                                     "--innodb-stats-persistent=OFF",
                                     "--sync-frm=OFF",
                                     "--innodb-fast-shutdown=2"};
  add_user(arguments);
  return process_.start(
      arguments, folder / "server.log", [this] { return administer("DO 1").has_value(); }, std::chrono::seconds(60));
}

MariadbServer::MariadbServer() : folder_(new_folder()) {}

MariadbServer::~MariadbServer() {
  process_.kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Status MariadbServer::restart() {
  stop();
  return launch();
}

std::string MariadbServer::url(const std::string& database) const {
  return fmt::format("mysql://root@localhost/{}?socket={}", database, percent_encode((folder_ / "socket").native()));
}

Status MariadbServer::administer(const std::string& sql) {
  YZ_TRY(const DatabaseUrl parsed, DatabaseUrl::parse(url("mysql")));
  YZ_TRY(const auto connection, Connection::open(parsed, DatabaseOptions{}));
  return connection->command(sql);
}

Status MariadbServer::create_database(const std::string& name) { return administer("CREATE DATABASE " + name); }
Status MariadbServer::drop_database(const std::string& name) { return administer("DROP DATABASE " + name); }

}  // namespace yz::store
