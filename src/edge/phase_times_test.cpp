#include "edge/phase_times.h"

#include <thread>

#include "edge/testing.h"

namespace yz::edge::testing {
namespace {

using std::chrono::milliseconds;

metrics::Histogram::Snapshot times(EdgeServer& edge, Phase phase) {
  return edge.counters().phases.of(phase).snapshot();
}

io::Task<void> ask_in_two_parts(Endpoint at, milliseconds pause) {
  auto stream = co_await io::connect(at, io::Reactor::current().in(std::chrono::seconds(5)));
  (void)co_await stream->write_all("GET /a HTTP/1.1\r\nHost: a.test\r\n", std::chrono::seconds(1));
  co_await io::sleep_for(pause);
  (void)co_await stream->write_all("Connection: close\r\n\r\n", std::chrono::seconds(1));
  (void)co_await net::testing::read_up_to(*stream, SIZE_MAX);
}

TEST(PhaseTimes, AreOfThePhasesThatRequestsWentThrough) {
  constexpr milliseconds kOriginTakes{60};
  FakeOrigin origin([&](net::Exchange& exchange) -> io::Task<void> {
    co_await io::sleep_for(kOriginTakes);
    http::HeaderMap headers{{"Cache-Control", "max-age=3600"}};
    (void)co_await exchange.respond(200, std::move(headers), "hello");
  });
  const auto edge = start_edge(origin.endpoint());
  const Endpoint at = edge->listening()[0];
  std::thread leader([&] { (void)ask(at, "GET", "/a"); });
  ASSERT_TRUE(eventually([&] { return edge->store().stats().fills == 1; }));
  (void)ask(at, "GET", "/a");
  leader.join();
  EXPECT_EQ(times(*edge, Phase::kUpstream).count, 1U);
  EXPECT_GE(times(*edge, Phase::kUpstream).sum, 50'000U);  // microseconds; a turn's time is a little old
  EXPECT_EQ(times(*edge, Phase::kWait).count, 1U);
  EXPECT_GT(times(*edge, Phase::kWait).sum, 0U);
  EXPECT_EQ(times(*edge, Phase::kRespond).count, 2U);
  EXPECT_EQ(times(*edge, Phase::kHead).count, 0U);
  EXPECT_EQ(times(*edge, Phase::kQueue).count + times(*edge, Phase::kDisk).count, 0U);

  io::Reactor reactor;
  reactor.block_on(ask_in_two_parts(at, milliseconds(30)));
  EXPECT_EQ(times(*edge, Phase::kHead).count, 1U);
  EXPECT_GE(times(*edge, Phase::kHead).sum, 20'000U);
  const std::string all = edge->metrics().expose();
  for (const std::string_view name : kPhaseNames) {
    EXPECT_NE(all.find("yz_edge_phase_seconds_count{phase=\"" + std::string(name) + "\"}"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace yz::edge::testing
