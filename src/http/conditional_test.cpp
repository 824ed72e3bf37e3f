#include "http/conditional.h"

#include <vector>

#include <gtest/gtest.h>

#include "http/entity_tag.h"
#include "http/header_map.h"

namespace yz::http {
namespace {

const WallTime kNow{std::chrono::seconds(1'700'000'000)};
constexpr const char* kOld = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kOlder = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kNewer = "Sun, 06 Nov 1994 08:49:38 GMT";

TEST(EntityTag, OnlyQuotedTextIsATag) {
  EXPECT_TRUE(parse_entity_tag("\"\""));
  EXPECT_TRUE(parse_entity_tag("W/\"a\"")->weak);
  for (const auto* bad : {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "\"a b\"", "\"a\"b\""}) {
    EXPECT_FALSE(parse_entity_tag(bad)) << bad;
  }
}

TEST(Conditional, PreconditionsFollowTheirPrecedence) {
  struct Case {
    Method method;
    HeaderMap request;
    HeaderMap stored;
    bool not_modified;
  };
  const std::vector<Case> cases = {
      {Method::kGet, {}, {{"ETag", "\"a\""}}, false},
      {Method::kGet, {{"If-None-Match", "\"a\""}}, {{"ETag", "\"a\""}}, true},
      {Method::kHead, {{"If-None-Match", "\"a\""}}, {{"ETag", "\"a\""}}, true},
      {Method::kPost, {{"If-None-Match", "\"a\""}}, {{"ETag", "\"a\""}}, false},
      {Method::kGet, {{"If-None-Match", "\"b\", W/\"a\""}}, {{"ETag", "\"a\""}}, true},
      {Method::kGet, {{"If-None-Match", "\"b\""}, {"If-None-Match", "\"a\""}}, {{"ETag", "W/\"a\""}}, true},
      {Method::kGet, {{"If-None-Match", "a"}}, {{"ETag", "\"a\""}}, false},
      {Method::kGet, {{"If-None-Match", "*"}}, {}, true},
      {Method::kGet,
       {{"If-None-Match", "\"b\""}, {"If-Modified-Since", kNewer}},
       {{"ETag", "\"a\""}, {"Last-Modified", kOld}},
       false},
      {Method::kGet, {{"If-Modified-Since", kOld}}, {{"Last-Modified", kOld}}, true},
      {Method::kGet, {{"If-Modified-Since", kNewer}}, {{"Last-Modified", kOld}}, true},
      {Method::kGet, {{"If-Modified-Since", kOlder}}, {{"Last-Modified", kOld}}, false},
      {Method::kGet, {{"If-Modified-Since", "nonsense"}}, {{"Last-Modified", kOld}}, false},
      {Method::kGet, {{"If-Modified-Since", kNewer}}, {{"Date", kOld}}, true},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& c = cases[i];
    EXPECT_EQ(evaluate_preconditions(c.method, c.request, c.stored, kNow) == Precondition::kNotModified, c.not_modified)
        << i;
  }
}

TEST(Conditional, IfRangeNeedsAStrongValidator) {
  const HeaderMap strong{{"ETag", "\"a\""}, {"Last-Modified", kOld}, {"Date", kNewer}};
  EXPECT_TRUE(range_condition_holds(HeaderMap{}, strong, kNow));
  EXPECT_TRUE(range_condition_holds(HeaderMap{{"If-Range", "\"a\""}}, strong, kNow));
  EXPECT_FALSE(range_condition_holds(HeaderMap{{"If-Range", "W/\"a\""}}, strong, kNow));
  EXPECT_FALSE(range_condition_holds(HeaderMap{{"If-Range", "\"b\""}}, strong, kNow));
  EXPECT_TRUE(range_condition_holds(HeaderMap{{"If-Range", kOld}}, strong, kNow));
  EXPECT_FALSE(range_condition_holds(HeaderMap{{"If-Range", kNewer}}, strong, kNow));
  const HeaderMap same_second{{"Last-Modified", kOld}, {"Date", kOld}};
  EXPECT_FALSE(range_condition_holds(HeaderMap{{"If-Range", kOld}}, same_second, kNow));
}

}  // namespace
}  // namespace yz::http
