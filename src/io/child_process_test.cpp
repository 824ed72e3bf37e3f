#include "io/child_process.h"

#include <csignal>

#include <gtest/gtest.h>

#include "base/file.h"
#include "io/reactor.h"
#include "io/signal_waiter.h"

namespace yz::io {
namespace {

using namespace std::chrono_literals;

TEST(ChildProcess, RunsAProgramWithItsOutputInAFile) {
  Reactor reactor;
  const TempFolder folder;
  ChildProcess::Options options;
  options.argv = {"sh", "-c", "echo out $GREETING; echo err >&2; pwd; exit 3"};
  options.environment = {{"GREETING", "hello"}};
  options.stdout_file = folder.path() / "log";
  options.folder = folder.path();
  auto child = ChildProcess::start(reactor, options);
  ASSERT_TRUE(child) << child.error().message;
  const auto status = reactor.block_on(child->wait(reactor.in(10s)));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 3);
  EXPECT_EQ(to_string(*status), "exit code 3");
  EXPECT_EQ(*read_file(folder.path() / "log"), "out hello\nerr\n" + folder.path().string() + "\n");
  EXPECT_EQ(reactor.block_on(child->wait(reactor.in(1s)))->exit_code, 3);
}

TEST(ChildProcess, SaysWhyAProgramCannotStart) {
  Reactor reactor;
  ChildProcess::Options options;
  options.argv = {"/no/such/program"};
  const auto child = ChildProcess::start(reactor, options);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::kNotFound);
}

TEST(ChildProcess, TerminatesPolitelyThenByForce) {
  Reactor reactor;
  ChildProcess::Options options;
  options.argv = {"sleep", "1000"};
  auto polite = ChildProcess::start(reactor, options);
  ASSERT_TRUE(polite);
  EXPECT_EQ(reactor.block_on(polite->terminate(10s))->signal, SIGTERM);

  const TempFolder folder;
  options.argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"};
  options.stdout_file = folder.path() / "log";
  auto stubborn = ChildProcess::start(reactor, options);
  ASSERT_TRUE(stubborn);
  reactor.block_on([](std::filesystem::path log) -> Task<void> {
    while (read_file(log).value_or("").empty()) co_await sleep_for(1ms);
  }(options.stdout_file));
  EXPECT_EQ(reactor.block_on(stubborn->terminate(20ms))->signal, SIGKILL);
}

TEST(ChildProcess, IsKilledAndReapedWhenDestroyed) {
  Reactor reactor;
  ChildProcess::Options options;
  options.argv = {"sleep", "1000"};
  pid_t pid = 0;
  {
    auto child = ChildProcess::start(reactor, options);
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
    EXPECT_EQ(reactor.block_on(child->wait(reactor.in(2ms))).error().code, Code::kTimeout);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(SignalWaiter, DeliversASignal) {
  Reactor reactor;
  SignalWaiter signals(reactor, {SIGUSR1, SIGUSR2});
  ::kill(::getpid(), SIGUSR2);
  EXPECT_EQ(*reactor.block_on(signals.next(reactor.in(10s))), SIGUSR2);
  EXPECT_EQ(reactor.block_on(signals.next(reactor.in(2ms))).error().code, Code::kTimeout);
}

}  // namespace
}  // namespace yz::io
