#include "http/freshness.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/date.h"
#include "http/header_map.h"

namespace yz::http {
namespace {

const WallTime kNow{std::chrono::seconds(1'700'000'000)};

std::string date(std::int64_t offset) {
  return std::string(DateText(std::chrono::floor<seconds>(kNow) + seconds(offset)).text());
}

StoredPolicy policy(const HeaderMap& fields, StatusCode status = 200) {
  return stored_policy(status, fields, response_directives(fields), kNow, kNow);
}

TEST(Freshness, TheLifetimeFollowsThePrecedenceOfTheRfc) {
  struct Case {
    HeaderMap fields;
    StatusCode status;
    std::int64_t lifetime;
  };
  const std::vector<Case> cases = {
      {{{"Cache-Control", "max-age=5, s-maxage=9"}, {"Expires", date(100)}}, 200, 9},
      {{{"Cache-Control", "max-age=5"}, {"Expires", date(100)}}, 200, 5},
      {{{"Expires", date(100)}, {"Date", date(-20)}}, 200, 120},
      {{{"Expires", date(100)}}, 200, 100},
      {{{"Expires", "0"}, {"Last-Modified", date(-1000)}}, 200, 0},
      {{{"Expires", date(100)}, {"Expires", date(100)}}, 200, 0},
      {{{"Last-Modified", date(-1000)}, {"Date", date(0)}}, 200, 100},
      {{{"Last-Modified", date(-1000)}, {"Date", date(0)}}, 201, 0},
      {{{"Last-Modified", date(-1000)}, {"Date", date(0)}, {"Cache-Control", "public"}}, 201, 100},
      {{{"Last-Modified", date(-1000)}, {"Date", date(0)}}, 404, 100},
      {{{"Last-Modified", date(-100'000'000)}}, 200, 86400},
      {{{"Last-Modified", date(50)}}, 200, 0},
      {{}, 200, 0},
      {{{"CDN-Cache-Control", "max-age=7"}, {"Expires", date(-10)}}, 200, 7},
      {{{"CDN-Cache-Control", "public"}, {"Expires", date(90)}}, 200, 0},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(policy(cases[i].fields, cases[i].status).lifetime.count(), cases[i].lifetime) << i;
  }
}

TEST(Freshness, TheInitialAgeIsTheLargerOfAgeAndDate) {
  const auto initial = [](const HeaderMap& fields, seconds exchange = seconds(0)) {
    return corrected_initial_age(fields, kNow - exchange, kNow).count();
  };
  EXPECT_EQ(initial({{"Age", "30"}, {"Date", date(-10)}}), 30);
  EXPECT_EQ(initial({{"Age", "5"}, {"Date", date(-10)}}), 10);
  EXPECT_EQ(initial({{"Date", date(1000)}}), 0);
  EXPECT_EQ(initial({{"Age", "30"}}, seconds(4)), 34);
  for (const auto* ignored : {"abc", "-7200", "7200.0", "", "7200;foo=bar"}) EXPECT_EQ(initial({{"Age", ignored}}), 0);
  EXPECT_EQ(initial({{"Age", "7200, 0"}}), 7200);
  EXPECT_EQ(initial({{"Age", "0, 7200"}}), 0);
  EXPECT_EQ(initial({{"Age", "0"}, {"Age", "7200"}}), 0);
  EXPECT_EQ(initial({{"Age", "999999999999999999999"}}), kLongestDelta.count());
}

TEST(Freshness, AgeGrowsWithTheClockAndNeverShrinks) {
  const auto stored = policy({{"Cache-Control", "max-age=10"}, {"Age", "4"}});
  EXPECT_EQ(stored.age(kNow + seconds(3)).count(), 7);
  EXPECT_TRUE(stored.is_fresh(kNow + seconds(5)));
  EXPECT_FALSE(stored.is_fresh(kNow + seconds(6)));
  EXPECT_EQ(stored.age(kNow - seconds(100)).count(), 4);
}

TEST(Freshness, ReuseHonoursEachDirective) {
  struct Case {
    const char* response;
    const char* request;
    int after;
    Reuse rfc;
    Reuse safe;
  };
  const std::vector<Case> cases = {
      {"max-age=10", "", 5, Reuse::kServe, Reuse::kServe},
      {"max-age=10", "", 10, Reuse::kValidate, Reuse::kValidate},
      {"max-age=10, no-cache", "", 1, Reuse::kValidate, Reuse::kValidate},
      {"max-age=10", "no-cache", 1, Reuse::kValidate, Reuse::kServe},
      {"max-age=10", "max-age=0", 1, Reuse::kValidate, Reuse::kServe},
      {"max-age=10", "max-age=5", 5, Reuse::kServe, Reuse::kServe},
      {"max-age=10", "min-fresh=6", 5, Reuse::kValidate, Reuse::kServe},
      {"max-age=10", "max-stale", 50, Reuse::kServe, Reuse::kValidate},
      {"max-age=10", "max-stale=5", 15, Reuse::kServe, Reuse::kValidate},
      {"max-age=10", "max-stale=5", 16, Reuse::kValidate, Reuse::kValidate},
      {"max-age=10, must-revalidate", "max-stale", 50, Reuse::kValidate, Reuse::kValidate},
      {"max-age=10, stale-while-revalidate=5", "", 14, Reuse::kServeAndRevalidate, Reuse::kServeAndRevalidate},
      {"max-age=10, stale-while-revalidate=5", "", 15, Reuse::kValidate, Reuse::kValidate},
      {"s-maxage=10, stale-while-revalidate=5", "", 12, Reuse::kValidate, Reuse::kValidate},
      {"max-age=10, proxy-revalidate, stale-while-revalidate=5", "", 12, Reuse::kValidate, Reuse::kValidate},
  };
  for (const Case& c : cases) {
    const auto stored = policy({{"Cache-Control", c.response}});
    RequestDirectives request;
    if (*c.request != '\0') request = request_directives(HeaderMap{{"Cache-Control", c.request}});
    const WallTime now = kNow + seconds(c.after);
    EXPECT_EQ(decide_reuse(stored, request, Profile::kRfc, now), c.rfc) << c.response << " / " << c.request;
    EXPECT_EQ(decide_reuse(stored, request, Profile::kSafe, now), c.safe) << c.response << " / " << c.request;
  }
}

TEST(Freshness, StaleOnErrorEndsWithItsWindowAndRespectsProhibitions) {
  const auto may = [](const char* text, seconds site, int after) {
    return may_serve_on_error(policy({{"Cache-Control", text}}), site, kNow + seconds(after));
  };
  EXPECT_TRUE(may("max-age=10, stale-if-error=20", seconds(0), 29));
  EXPECT_FALSE(may("max-age=10, stale-if-error=20", seconds(100), 30));
  EXPECT_TRUE(may("max-age=10", seconds(100), 109));
  EXPECT_FALSE(may("max-age=10", seconds(0), 11));
  for (const auto* prohibited : {"must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=1"}) {
    EXPECT_FALSE(may((std::string(prohibited) + ", stale-if-error=1000").c_str(), seconds(1000), 5)) << prohibited;
  }
}

}  // namespace
}  // namespace yz::http
