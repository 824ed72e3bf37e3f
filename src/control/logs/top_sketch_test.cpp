#include "control/logs/top_sketch.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/random.h"

namespace yz::control {
namespace {

using Weight = TopSketch::Weight;

/// Values by a Zipf law of exponent 1, each of some bytes.
class Trace {
 public:
  explicit Trace(std::uint64_t seed) : random_(seed) {}
  std::string next() {
    const double u = static_cast<double>(random_.next() >> 11) / static_cast<double>(1ULL << 53);
    return "/" + std::to_string(static_cast<std::uint64_t>(std::exp(u * std::log(100'000.0))));
  }

 private:
  Random random_;
};

TEST(TopSketch, IsExactWhileItHoldsAll) {
  TopSketch sketch(Weight::kRequests, 10);
  for (int i = 0; i < 3; ++i) sketch.add("a", 1, 10);
  sketch.add("c", 2, 7);
  sketch.add("b", 2, 1'000);
  const auto top = sketch.top(5);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].value, "a");
  EXPECT_EQ(top[0].requests, 3U);
  EXPECT_EQ(top[0].bytes, 30U);
  EXPECT_EQ(top[1].value, "b") << "equal ones by value";
  EXPECT_EQ(top[0].error + top[1].error + sketch.floor(), 0U);
  TopSketch by_bytes(Weight::kBytes, 10);
  by_bytes.add(sketch);
  EXPECT_EQ(by_bytes.top(1)[0].value, "b");
  EXPECT_TRUE(TopSketch(Weight::kBytes, 1).top(3).empty());
}

/// What it says of a value is no more than the truth, and the truth no more than that and its error.
void expect_bounds(const TopSketch& sketch, const std::map<std::string, std::uint64_t>& truth) {
  for (const TopSketch::Item& item : sketch.top(100'000)) {
    EXPECT_LE(item.requests, truth.at(item.value)) << item.value;
    EXPECT_GE(item.requests + item.error, truth.at(item.value)) << item.value;
  }
}

std::vector<std::string> heaviest(const std::map<std::string, std::uint64_t>& truth, std::size_t count) {
  std::vector<std::pair<std::uint64_t, std::string>> all;
  for (const auto& [value, weight] : truth) all.emplace_back(weight, value);
  std::ranges::sort(all, std::greater());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(all[i].second);
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> values_of(const std::vector<TopSketch::Item>& items) {
  std::vector<std::string> out;
  for (const TopSketch::Item& item : items) out.push_back(item.value);
  std::ranges::sort(out);
  return out;
}

TEST(TopSketch, KeepsItsBoundsAndFindsTheHeaviestOfFarMoreThanItHolds) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Trace trace(seed);
    TopSketch sketch(Weight::kRequests, 500);
    std::map<std::string, std::uint64_t> truth;
    for (int i = 0; i < 200'000; ++i) {
      const std::string value = trace.next();
      sketch.add(value, 1, 100);
      ++truth[value];
    }
    EXPECT_GT(truth.size(), 10'000U);
    expect_bounds(sketch, truth);
    EXPECT_EQ(values_of(sketch.top(20)), heaviest(truth, 20)) << seed;
    EXPECT_LT(sketch.floor(), 200'000U / 500) << "the bound of Space-Saving: all / capacity";
  }
}

TEST(TopSketch, SumsOfTwoKeepTheirBounds) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Trace trace(seed);
    TopSketch sum(Weight::kRequests, 500);
    std::map<std::string, std::uint64_t> truth;
    for (int part = 0; part < 5; ++part) {
      TopSketch sketch(Weight::kRequests, 500);
      for (int i = 0; i < 40'000; ++i) {
        const std::string value = trace.next();
        sketch.add(value, 1, 100);
        ++truth[value];
      }
      sum.add(sketch);
    }
    expect_bounds(sum, truth);
    EXPECT_EQ(values_of(sum.top(20)), heaviest(truth, 20)) << seed;
  }
}

}  // namespace
}  // namespace yz::control
