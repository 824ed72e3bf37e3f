#include "io/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io/reactor.h"

extern char** environ;

namespace yz::io {

namespace {

/// Everything the child needs between fork and exec, made before, because only async-signal-safe calls are allowed
/// there.
struct ExecPlan {
  std::vector<std::string> environment_texts;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::string folder;
  UniqueFd out;
  UniqueFd err;
  UniqueFd failure;  // the child writes its errno here when exec fails
  pid_t parent = ::getpid();
  bool dies_with_parent = true;
};

Result<UniqueFd> open_log(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd) return fail_errno("open " + path.string(), errno);
  return fd;
}

Result<ExecPlan> plan_for(const ChildProcess::Options& options) {
  if (options.argv.empty()) return fail(Code::kInvalid, "a child process needs a program");
  ExecPlan plan;
  for (const auto& argument : options.argv) plan.argv.push_back(const_cast<char*>(argument.c_str()));
  plan.argv.push_back(nullptr);
  for (const auto& [name, value] : options.environment) plan.environment_texts.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto is_replaced = [&](const auto& pair) { return text.substr(0, text.find('=')) == pair.first; };
    if (std::none_of(options.environment.begin(), options.environment.end(), is_replaced)) {
      plan.environment.push_back(*entry);
    }
  }
  for (auto& text : plan.environment_texts) plan.environment.push_back(text.data());
  plan.environment.push_back(nullptr);
  plan.folder = options.folder.string();
  plan.dies_with_parent = options.dies_with_parent;
  if (!options.stdout_file.empty()) {
    YZ_TRY(plan.out, open_log(options.stdout_file));
  }
  if (!options.stderr_file.empty()) {
    YZ_TRY(plan.err, open_log(options.stderr_file));
  }
  return plan;
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Runs in the child. Async-signal-safe calls only.
[[noreturn]] void exec_child(const ExecPlan& plan) {
  reset_signals();
  bool is_ready = true;
  if (plan.dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != plan.parent) ::_exit(127);  // the parent died before prctl
  }
  if (!plan.folder.empty()) is_ready = ::chdir(plan.folder.c_str()) == 0;
  const int out = plan.out ? plan.out.get() : STDOUT_FILENO;
  const int err = plan.err ? plan.err.get() : plan.out ? plan.out.get() : STDERR_FILENO;
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  is_ready = is_ready && null >= 0 && ::dup2(null, STDIN_FILENO) >= 0;
  is_ready = is_ready && (out == STDOUT_FILENO || ::dup2(out, STDOUT_FILENO) >= 0);
  is_ready = is_ready && (err == STDERR_FILENO || ::dup2(err, STDERR_FILENO) >= 0);
  if (is_ready) {
    // Descriptors that some library opened without O_CLOEXEC stay with us; failure reporting needs its own until exec.
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    ::execvpe(plan.argv[0], plan.argv.data(), plan.environment.data());
  }
  const int error = errno;
  [[maybe_unused]] const auto told = ::write(plan.failure.get(), &error, sizeof error);
  ::_exit(127);
}

ExitStatus status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {info.si_status, 0};
  return {0, info.si_status};
}

}  // namespace

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return "exit code " + std::to_string(status.exit_code);
  return "killed by signal " + std::to_string(status.signal) + " (" + ::strsignal(status.signal) + ")";
}

Result<ChildProcess> ChildProcess::start(Reactor& reactor, const Options& options) {
  YZ_TRY(ExecPlan plan, plan_for(options));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("pipe", errno);
  UniqueFd failure(ends[0]);
  plan.failure = UniqueFd(ends[1]);

  const pid_t pid = ::fork();
  if (pid == 0) exec_child(plan);
  if (pid < 0) return fail_errno("fork", errno);

  plan.failure.reset();
  int exec_errno = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure.get(), &exec_errno, sizeof exec_errno);  // ends when exec closes the other end
  } while (got < 0 && errno == EINTR);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int pidfd_errno = errno;
  ChildProcess child(pid, pidfd ? std::make_unique<Watch>(reactor, std::move(pidfd)) : nullptr);
  if (got == sizeof exec_errno) return fail_errno("cannot start " + options.argv[0], exec_errno);
  if (!child.watch_) return fail_errno("pidfd_open", pidfd_errno);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), watch_(std::move(other.watch_)), status_(std::exchange(other.status_, {})) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    end_now();
    pid_ = std::exchange(other.pid_, -1);
    watch_ = std::move(other.watch_);
    status_ = std::exchange(other.status_, {});
  }
  return *this;
}

ChildProcess::~ChildProcess() { end_now(); }

void ChildProcess::end_now() noexcept {
  if (pid_ < 0 || status_) return;
  ::kill(pid_, SIGKILL);  // not reaped yet, so the pid is still its own
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void ChildProcess::kill(int signal) noexcept {
  if (pid_ >= 0 && !poll()) ::kill(pid_, signal);
}

std::optional<ExitStatus> ChildProcess::poll() {
  if (status_ || pid_ < 0) return status_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid_) {
    status_ = status_of(info);
  }
  return status_;
}

Task<Result<ExitStatus>> ChildProcess::wait(MonoTime deadline) {
  while (true) {
    if (const auto status = poll()) co_return *status;
    watch_->set_unready(Half::kRead);
    YZ_CO_CHECK(co_await ReadableOp(*watch_, deadline));
  }
}

Task<Result<ExitStatus>> ChildProcess::terminate(std::chrono::milliseconds grace) {
  kill(SIGTERM);
  auto ended = co_await wait(Reactor::current().in(grace));
  if (ended || ended.error().code != Code::kTimeout) co_return ended;
  kill(SIGKILL);
  co_return co_await wait(kNoDeadline);  // nothing survives SIGKILL
}

}  // namespace yz::io
