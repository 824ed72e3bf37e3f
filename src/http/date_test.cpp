#include "http/date.h"

#include <gtest/gtest.h>

namespace yz::http {
namespace {

const WallTime kNow{std::chrono::seconds(1'700'000'000)};  // 2023

TEST(HttpDate, ReadsAllThreeForms) {
  for (const auto* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "SUN, 06 NOV 1994 08:49:37 gmt"}) {
    const auto date = parse_date(text, kNow);
    ASSERT_TRUE(date) << text;
    EXPECT_EQ(date->time_since_epoch().count(), 784111777) << text;
  }
}

TEST(HttpDate, RefusesEverythingElse) {
  for (const auto* text :
       {"", "0", "-1", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +000",
        "Sun 06 Nov 1994 08:49:37 GMT", "Sun, 06  Nov 1994 08:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT", "Thu, 18 Aug 2050 02:01:18 AEST"}) {
    EXPECT_FALSE(parse_date(text, kNow)) << text;
  }
}

TEST(HttpDate, TwoDigitYearsMoreThanFiftyYearsAheadArePast) {
  EXPECT_LT(parse_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow)->time_since_epoch().count(), 1'000'000'000);
  EXPECT_GT(parse_date("Thursday, 18-Aug-50 02:01:18 GMT", kNow)->time_since_epoch().count(), 2'000'000'000);
}

TEST(HttpDate, WritesWhatItReads) {
  for (std::int64_t t : {0LL, 784111777LL, 951782400LL, 1'700'000'000LL, 4'102'444'799LL}) {
    const DateTime time{std::chrono::seconds(t)};
    EXPECT_EQ(parse_date(DateText(time).text(), kNow), time);
  }
  EXPECT_EQ(DateText(DateTime(std::chrono::seconds(784111777))).text(), "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace yz::http
