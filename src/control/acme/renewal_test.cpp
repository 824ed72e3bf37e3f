#include "control/acme/renewal.h"

#include <set>

#include <gtest/gtest.h>

namespace yz::control {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
constexpr WallTime kBegin{std::chrono::seconds(1'700'000'000)};
constexpr hours kDay{24};

store::AcmeUpkeep upkeep(std::uint64_t id) { return {.certificate = {id}}; }

TEST(RenewalTime, IsAboutTwoThirdsOfALifeAndNeverLater) {
  std::set<WallTime> times;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    const WallTime at = renewal_time(kBegin, kBegin + 90 * kDay, upkeep(id));
    EXPECT_GT(at, kBegin + 57 * kDay - hours(1));
    EXPECT_LE(at, kBegin + 60 * kDay);
    times.insert(at);
  }
  EXPECT_GT(times.size(), 95U);  // not all at once
}

TEST(RenewalTime, IsHalfOfAShortLife) {
  const WallTime at = renewal_time(kBegin, kBegin + 6 * kDay, upkeep(1));
  EXPECT_GT(at, kBegin + 2 * kDay + hours(12));
  EXPECT_LE(at, kBegin + 3 * kDay);
}

TEST(RenewalTime, LiesInTheWindowItsAuthoritySuggests) {
  store::AcmeUpkeep one = upkeep(1);
  one.window_start = kBegin + 10 * kDay;
  one.window_end = kBegin + 11 * kDay;
  const WallTime at = renewal_time(kBegin, kBegin + 90 * kDay, one);
  EXPECT_GE(at, one.window_start);
  EXPECT_LT(at, one.window_end);
  EXPECT_EQ(at, renewal_time(kBegin, kBegin + 90 * kDay, one));

  one.window_start = kBegin - 2 * kDay;  // revoked soon: at once
  one.window_end = kBegin - 1 * kDay;
  EXPECT_LT(renewal_time(kBegin, kBegin + 90 * kDay, one), kBegin);
}

TEST(RenewalTime, AWindowAfterTheEndIsNotBelieved) {
  store::AcmeUpkeep one = upkeep(1);
  one.window_start = kBegin + 100 * kDay;
  one.window_end = kBegin + 110 * kDay;
  EXPECT_LE(renewal_time(kBegin, kBegin + 90 * kDay, one), kBegin + 60 * kDay);
}

TEST(Backoff, DoublesUpToItsBoundAndTakesUpToAQuarterOff) {
  const milliseconds first(1000), most(10'000);
  EXPECT_EQ(backoff(1, first, most, 0), milliseconds(1000));
  EXPECT_EQ(backoff(3, first, most, 0), milliseconds(4000));
  EXPECT_EQ(backoff(100, first, most, 0), most);
  for (std::uint64_t chance = 0; chance < 5000; chance += 7) {
    const auto wait = backoff(2, first, most, chance);
    EXPECT_GT(wait, milliseconds(1500));
    EXPECT_LE(wait, milliseconds(2000));
  }
}

}  // namespace
}  // namespace yz::control
