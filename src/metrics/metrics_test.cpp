#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "metrics/registry.h"

namespace yz::metrics {
namespace {

TEST(Counter, SumsOverThreadsAndSurvivesTheirEnd) {
  Registry registry;
  const Counter counter = registry.counter("hits_total", "Hits.");
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([counter] {
        for (int i = 0; i < 10'000; ++i) counter.add();
      });
    }
    while (counter.value() < static_cast<std::uint64_t>(round) * 40'000 + 1) std::this_thread::yield();
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(counter.value(), 120'000U);
}

TEST(Counter, WithoutARegistryCountsNowhere) {
  const Counter none;
  none.add(7);
  const Registry registry;
  EXPECT_EQ(registry.expose(), "");
}

TEST(Counter, SlotsOfAGoneRegistryStartAtZeroAgain) {
  {
    Registry first;
    first.counter("a_total", "A.").add(41);
  }
  Registry second;
  EXPECT_EQ(second.counter("b_total", "B.").value(), 0U);
}

TEST(Registry, SameNameAndLabelsAreTheSameSeries) {
  Registry registry;
  registry.counter("x_total", "X.", {{"tier", "l1"}}).add(1);
  registry.counter("x_total", "X.", {{"tier", "l1"}}).add(2);
  registry.counter("x_total", "X.", {{"tier", "l2"}}).add(5);
  EXPECT_EQ(registry.counter("x_total", "X.", {{"tier", "l1"}}).value(), 3U);
}

TEST(Registry, ExposesPrometheusTextWithEscapedLabels) {
  Registry registry;
  registry.counter("b_total", "Line one\nback\\slash.", {{"path", "a\"b\\c\nd"}, {"code", "200"}}).add(3);
  registry.gauge("a_level", "A level.").set(-5);
  registry.gauge_from("c_ratio", "Read when asked.", {}, [] { return 0.25; });
  EXPECT_EQ(registry.expose(),
            "# HELP a_level A level.\n"
            "# TYPE a_level gauge\n"
            "a_level -5\n"
            "# HELP b_total Line one\\nback\\\\slash.\n"
            "# TYPE b_total counter\n"
            "b_total{path=\"a\\\"b\\\\c\\nd\",code=\"200\"} 3\n"
            "# HELP c_ratio Read when asked.\n"
            "# TYPE c_ratio gauge\n"
            "c_ratio 0.25\n");
}

TEST(Histogram, BucketsCoverAllValuesWithoutGaps) {
  EXPECT_EQ(Histogram::bucket_of(0), 0U);
  for (std::uint32_t b = 0; b + 1 < Histogram::kBuckets; ++b) {
    EXPECT_EQ(Histogram::bucket_of(Histogram::upper_bound(b)), b);
    EXPECT_EQ(Histogram::bucket_of(Histogram::upper_bound(b) + 1), b + 1);
  }
  EXPECT_EQ(Histogram::bucket_of(UINT64_MAX), Histogram::kBuckets - 1);
}

TEST(Histogram, QuantilesAreWithinAQuarter) {
  Registry registry;
  const Histogram histogram = registry.histogram("t_seconds", "T.", Histogram::kMicroseconds);
  for (std::uint64_t v = 1; v <= 10'000; ++v) histogram.record(v);
  const auto all = histogram.snapshot();
  EXPECT_EQ(all.count, 10'000U);
  EXPECT_EQ(all.sum, 50'005'000U);
  EXPECT_NEAR(static_cast<double>(all.quantile(0.5)), 5'000, 1'250);
  EXPECT_NEAR(static_cast<double>(all.quantile(0.99)), 9'900, 2'475);
}

TEST(Histogram, ExposesCumulativeBucketsInItsUnit) {
  Registry registry;
  const Histogram histogram =
      registry.histogram("t_seconds", "T.", {.unit = 0.001, .lowest = 1, .highest = 4}, {{"k", "v"}});
  histogram.record(1);
  histogram.record(2);
  histogram.record(4);
  histogram.record(5);
  EXPECT_EQ(registry.expose(),
            "# HELP t_seconds T.\n"
            "# TYPE t_seconds histogram\n"
            "t_seconds_bucket{k=\"v\",le=\"0.001\"} 1\n"
            "t_seconds_bucket{k=\"v\",le=\"0.002\"} 2\n"
            "t_seconds_bucket{k=\"v\",le=\"0.004\"} 3\n"
            "t_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n"
            "t_seconds_sum{k=\"v\"} 0.012\n"
            "t_seconds_count{k=\"v\"} 4\n");
}

}  // namespace
}  // namespace yz::metrics
