#include "base/server_for_test.h"

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
#include "base/file.h"

namespace yz {
namespace {

sockaddr_in local(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(port);
  return out;
}

pid_t spawn(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
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

tl::unexpected<Error> failed(Code code, const std::string& program, const std::filesystem::path& log) {
  const auto said = read_file(log);
  return fail(code,
              fmt::format("{} failed:\n{}", std::filesystem::path(program).filename().native(), said ? *said : ""));
}

}  // namespace

std::uint16_t free_port_for_test() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name = local(0);
  socklen_t size = sizeof name;
  YZ_ASSERT(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0);
  YZ_ASSERT(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0);
  return ntohs(name.sin_port);
}

bool accepts_for_test(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in name = local(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

Status ServerForTest::start(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                            const std::function<bool()>& is_open, std::chrono::seconds patience) {
  pid_ = spawn(arguments, log);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_open()) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = -1;
    if (pid_ < 0 || std::chrono::steady_clock::now() > deadline) {
      kill();
      return failed(Code::kUnavailable, arguments.front(), log);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

void ServerForTest::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ServerForTest::freeze() const {
  ::kill(pid_, SIGSTOP);
  ::waitpid(pid_, nullptr, WUNTRACED);
}

void ServerForTest::thaw() const { ::kill(pid_, SIGCONT); }

Status run_for_test(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  int status = 0;
  const pid_t pid = spawn(arguments, log);
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
    return failed(Code::kInternal, arguments.front(), log);
  }
  return {};
}

}  // namespace yz
