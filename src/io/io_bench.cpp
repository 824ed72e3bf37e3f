#include <array>
#include <memory>

#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include "io/reactor.h"
#include "io/tcp_stream.h"

namespace yz::io {
namespace {

Task<int> one() { co_return 1; }

void BM_AwaitTask(benchmark::State& state) {
  Reactor reactor;
  reactor.block_on([](benchmark::State& s) -> Task<void> {
    for (auto _ : s) benchmark::DoNotOptimize(co_await one());
  }(state));
}
BENCHMARK(BM_AwaitTask);

void BM_Yield(benchmark::State& state) {
  Reactor reactor;
  reactor.block_on([](benchmark::State& s) -> Task<void> {
    for (auto _ : s) co_await yield();
  }(state));
}
BENCHMARK(BM_Yield);

/// One byte there and back over a socket pair on one reactor: two writes, two reads, two turns.
void BM_PingPong(benchmark::State& state) {
  Reactor reactor;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  TcpStream a(reactor, UniqueFd(ends[0]));
  TcpStream b(reactor, UniqueFd(ends[1]));
  TaskScope scope;
  reactor.spawn_into(scope, [](TcpStream& s) -> Task<void> {
    std::array<char, 64> buffer;
    while (true) {
      const auto n = co_await s.read(buffer, Reactor::current().in(std::chrono::seconds(60)));
      if (!n || *n == 0) co_return;
      (void)co_await s.write_all(std::string_view(buffer.data(), *n), std::chrono::seconds(1));
    }
  }(b));
  reactor.block_on([](benchmark::State& s, TcpStream& stream) -> Task<void> {
    std::array<char, 64> buffer;
    for (auto _ : s) {
      (void)co_await stream.write_all("x", std::chrono::seconds(1));
      (void)co_await stream.read(buffer, Reactor::current().in(std::chrono::seconds(60)));
    }
  }(state, a));
  scope.cancel_all();
}
BENCHMARK(BM_PingPong);

}  // namespace
}  // namespace yz::io
