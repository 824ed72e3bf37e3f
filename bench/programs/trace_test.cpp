#include "trace.h"

#include <gtest/gtest.h>

#include "simulated_caches.h"

namespace yz::bench {
namespace {

TEST(Trace, DrawsFollowTheSkew) {
  Random random(7);
  const Zipf zipf(1000, 1.0);
  std::vector<int> drawn(1000);
  for (int i = 0; i < 400'000; ++i) ++drawn[zipf.draw(random)];
  // Harmonic number of 1000 is 7.485: rank 0 has 13.4 % of the draws, rank 9 a tenth of that.
  EXPECT_NEAR(drawn[0] / 400'000.0, 0.1336, 0.003);
  EXPECT_NEAR(drawn[9] / 400'000.0, 0.01336, 0.001);
}

TEST(Trace, ScansAskForEachObjectOnceAndMakeTheirShare) {
  TraceOptions options;
  options.population = 1000;
  options.requests = 100'000;
  options.scanned = 0.2;
  options.scan_run = 500;
  const Trace trace = make_trace(options);
  std::vector<int> asked(trace.ids);
  int scanned = 0;
  for (const std::uint32_t id : trace.requests) {
    ++asked[id];
    if (id >= 1000) ++scanned;
  }
  EXPECT_NEAR(scanned / 100'000.0, 0.2, 0.01);
  for (std::size_t id = 1000; id < asked.size(); ++id) ASSERT_EQ(asked[id], 1);
  EXPECT_EQ(trace.footprint,
            static_cast<std::uint32_t>(std::count_if(asked.begin(), asked.end(), [](int n) { return n > 0; })));
}

TEST(Trace, TheSameSeedGivesTheSameRequests) {
  TraceOptions options;
  options.population = 100;
  options.requests = 1000;
  EXPECT_EQ(make_trace(options).requests, make_trace(options).requests);
}

TEST(SimulatedLru, TheLeastRecentlyUsedGoes) {
  SimulatedLru cache(10, 2);
  EXPECT_FALSE(cache.ask(1));
  EXPECT_FALSE(cache.ask(2));
  EXPECT_TRUE(cache.ask(1));
  EXPECT_FALSE(cache.ask(3));
  EXPECT_TRUE(cache.ask(1));
  EXPECT_FALSE(cache.ask(2));
}

TEST(SimulatedS3Fifo, WhatIsAskedTwiceSurvivesAScan) {
  SimulatedS3Fifo cache(1000, 20);
  for (int round = 0; round < 3; ++round) (void)cache.ask(1);
  for (std::uint32_t id = 100; id < 500; ++id) EXPECT_FALSE(cache.ask(id));
  EXPECT_TRUE(cache.ask(1));
}

TEST(SimulatedS3Fifo, AnObjectEvictedLatelyComesBackIntoTheMainQueue) {
  SimulatedS3Fifo cache(1000, 20);
  EXPECT_FALSE(cache.ask(1));
  for (std::uint32_t id = 100; id < 120; ++id) (void)cache.ask(id);
  EXPECT_FALSE(cache.ask(1)) << "evicted from the small queue, its name remembered";
  for (std::uint32_t id = 200; id < 215; ++id) (void)cache.ask(id);
  EXPECT_TRUE(cache.ask(1)) << "the main queue is not touched by a short scan";
}

}  // namespace
}  // namespace yz::bench
