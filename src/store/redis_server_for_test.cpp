#include "store/redis_server_for_test.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/find_program.h"

namespace yz::store {
namespace {

namespace fs = std::filesystem;

sockaddr_in local(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(port);
  return out;
}

std::uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name = local(0);
  socklen_t size = sizeof name;
  YZ_ASSERT(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
  YZ_ASSERT(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  return ntohs(name.sin_port);
}

bool accepts(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in name = local(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

pid_t spawn(const std::string& program, const fs::path& settings, const fs::path& log) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  ::execl(program.c_str(), program.c_str(), settings.c_str(), nullptr);
  ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<RedisServer>> RedisServer::start() {
  std::unique_ptr<RedisServer> server(new RedisServer);
  server->program_ = find_program("redis-server");
  if (server->program_.empty()) {
    return fail(Code::kNotFound, "redis-server is not installed: apt-get install redis-server");
  }
  for (int tries = 0;; ++tries) {  // another program may take the port before the server does
    server->port_ = free_port();
    auto launched = server->launch();
    if (launched) return server;
    if (tries == 4) return fail(std::move(launched).error());
  }
}

Status RedisServer::launch() {
  const fs::path settings = folder_.path() / "redis.conf";
  const fs::path log = folder_.path() / "redis.log";
  YZ_CHECK(write_file_atomically(
      settings,
      fmt::format("bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nrequirepass s3cret\n", port_, folder_.path().native()),
      0600));
  pid_ = spawn(program_, settings, log);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!accepts(port_)) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = -1;
    if (pid_ < 0 || std::chrono::steady_clock::now() > deadline) {
      const auto said = read_file(log);
      return fail(Code::kUnavailable, fmt::format("redis-server failed:\n{}", said ? *said : ""));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::freeze() const {
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
}
void RedisServer::thaw() const { ::kill(pid_, SIGCONT); }

Status RedisServer::restart() {
  kill();
  return launch();
}

std::string RedisServer::url() const { return fmt::format("redis://:s3cret@127.0.0.1:{}/2", port_); }

}  // namespace yz::store
