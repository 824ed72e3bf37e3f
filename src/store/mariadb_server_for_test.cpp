#include "store/mariadb_server_for_test.h"

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/find_program.h"
#include "base/text.h"
#include "store/connection.h"
#include "store/database.h"

namespace yz::store {
namespace {

namespace fs = std::filesystem;

/// Starts a program that ends with this one; its output goes to `log`.
pid_t spawn(const std::vector<std::string>& arguments, const fs::path& log) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

tl::unexpected<Error> failed(std::string_view what, const fs::path& log) {
  auto text = read_file(log);
  return fail(Code::kInternal, fmt::format("{} failed:\n{}", what, text ? *text : ""));
}

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
  if (install.empty() || find_program("mariadbd").empty()) {
    return fail(Code::kNotFound, "mariadbd is not installed: apt-get install mariadb-server");
  }
  std::unique_ptr<MariadbServer> server(new MariadbServer);
  const fs::path& folder = server->folder_;
  std::vector<std::string> arguments{install, "--no-defaults", "--auth-root-authentication-method=normal",
                                     "--skip-test-db", fmt::format("--datadir={}", (folder / "data").native())};
  add_user(arguments);
  int status = 0;
  const pid_t pid = spawn(arguments, folder / "install.log");
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
    return failed("mariadb-install-db", folder / "install.log");
  }
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
  pid_ = spawn(arguments, folder / "server.log");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!administer("DO 1")) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = -1;
    if (pid_ < 0 || std::chrono::steady_clock::now() > deadline) return failed("mariadbd", folder / "server.log");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

void MariadbServer::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

MariadbServer::MariadbServer() : folder_(new_folder()) {}

MariadbServer::~MariadbServer() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
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
