#include "io/signal_waiter.h"

#include <cerrno>
#include <csignal>

#include <sys/signalfd.h>

#include "io/reactor.h"

namespace yz::io {

namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

UniqueFd open_signalfd(std::initializer_list<int> signals) {
  SignalWaiter::block(signals);
  const sigset_t set = set_of(signals);
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  YZ_ASSERT(fd);  // only fails without descriptors, at the start of a program
  return fd;
}

}  // namespace

void SignalWaiter::block(std::initializer_list<int> signals) {
  const sigset_t set = set_of(signals);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalWaiter::SignalWaiter(Reactor& reactor, std::initializer_list<int> signals)
    : watch_(reactor, open_signalfd(signals)) {}

Task<Result<int>> SignalWaiter::next(MonoTime deadline) {
  while (true) {
    signalfd_siginfo info{};
    const ssize_t n = ::read(watch_.fd(), &info, sizeof info);
    if (n == sizeof info) co_return static_cast<int>(info.ssi_signo);
    if (errno != EAGAIN && errno != EINTR) co_return fail_errno("signalfd", errno);
    watch_.set_unready(Half::kRead);
    YZ_CO_CHECK(co_await ReadableOp(watch_, deadline));
  }
}

}  // namespace yz::io
