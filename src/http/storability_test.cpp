#include "http/storability.h"

#include <vector>

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

const WallTime kNow{std::chrono::seconds(1'700'000'000)};

Storability decide(Method method, const HeaderMap& request, StatusCode status, const HeaderMap& response,
                   Profile profile = Profile::kRfc) {
  const auto directives = response_directives(response);
  return decide_storability(method, request, status, response, directives,
                            freshness_lifetime(status, response, directives, kNow), profile);
}

TEST(Storability, FollowsSectionThree) {
  struct Case {
    Method method;
    HeaderMap request;
    StatusCode status;
    HeaderMap response;
    Storability verdict;
  };
  const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
  const std::vector<Case> cases = {
      {Method::kGet, {}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kStore},
      {Method::kPost, {}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kMethod},
      {Method::kHead, {}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kMethod},
      {Method::kGet, {}, 206, {{"Cache-Control", "max-age=5"}}, Storability::kStatus},
      {Method::kGet, {}, 304, {{"Cache-Control", "max-age=5"}}, Storability::kStatus},
      {Method::kGet, {}, 599, {{"Cache-Control", "max-age=5"}}, Storability::kStore},
      {Method::kGet, {}, 599, {{"Cache-Control", "max-age=5, must-understand"}}, Storability::kStatus},
      {Method::kGet, {}, 200, {{"Cache-Control", "max-age=5, must-understand, no-store"}}, Storability::kStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "No-Store, max-age=5"}}, Storability::kNoStore},
      {Method::kGet, {{"Cache-Control", "no-store"}}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kNoStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "private, max-age=5"}}, Storability::kPrivate},
      {Method::kGet, {}, 200, {{"Cache-Control", "private=\"x\", max-age=5"}}, Storability::kPrivate},
      {Method::kGet, {{"Authorization", "x"}}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kAuthorization},
      {Method::kGet, {{"Authorization", "x"}}, 200, {{"Cache-Control", "max-age=5, public"}}, Storability::kStore},
      {Method::kGet, {{"Authorization", "x"}}, 200, {{"Cache-Control", "s-maxage=5"}}, Storability::kStore},
      {Method::kGet,
       {{"Authorization", "x"}},
       200,
       {{"Cache-Control", "max-age=5, must-revalidate"}},
       Storability::kStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "max-age=5"}, {"Vary", "a, *"}}, Storability::kVaryAny},
      {Method::kGet, {}, 200, {}, Storability::kNoFreshness},
      {Method::kGet, {}, 200, {{"ETag", "\"x\""}}, Storability::kStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "no-cache"}, {"ETag", "\"x\""}}, Storability::kStore},
      {Method::kGet, {}, 201, {{"Last-Modified", kDate}}, Storability::kNoFreshness},
      {Method::kGet, {}, 503, {{"Last-Modified", kDate}}, Storability::kNoFreshness},
      {Method::kGet, {}, 404, {{"Last-Modified", kDate}}, Storability::kStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "max-age=5"}, {"Set-Cookie", "a=b"}}, Storability::kStore},
      {Method::kGet, {}, 200, {{"Cache-Control", "no-store"}, {"CDN-Cache-Control", "max-age=5"}}, Storability::kStore},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& c = cases[i];
    EXPECT_EQ(to_string(decide(c.method, c.request, c.status, c.response)), to_string(c.verdict)) << i;
  }
}

TEST(Storability, TheSafeProfileDeclinesWhatSurprisesSites) {
  struct Case {
    HeaderMap request;
    StatusCode status;
    HeaderMap response;
    Storability verdict;
  };
  const std::vector<Case> cases = {
      {{}, 200, {{"Cache-Control", "max-age=5"}, {"Set-Cookie", "a=b"}}, Storability::kSetCookie},
      {{}, 200, {{"Cache-Control", "public, s-maxage=5"}, {"Set-Cookie", "a=b"}}, Storability::kSetCookie},
      {{}, 200, {{"CDN-Cache-Control", "max-age=5"}, {"Set-Cookie", "a=b"}}, Storability::kSetCookie},
      {{{"Cache-Control", "no-store"}}, 200, {{"Cache-Control", "max-age=5"}}, Storability::kStore},
      {{}, 400, {{"Cache-Control", "max-age=5"}}, Storability::kClientError},
      {{}, 431, {{"Cache-Control", "public, max-age=5"}}, Storability::kClientError},
      {{}, 414, {{"Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"}}, Storability::kClientError},
      {{}, 400, {{"CDN-Cache-Control", "max-age=5"}}, Storability::kStore},
      {{}, 404, {{"Cache-Control", "max-age=5"}}, Storability::kStore},
      {{}, 503, {{"Cache-Control", "max-age=5"}}, Storability::kStore},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& c = cases[i];
    EXPECT_EQ(to_string(decide(Method::kGet, c.request, c.status, c.response, Profile::kSafe)), to_string(c.verdict))
        << i;
  }
}

}  // namespace
}  // namespace yz::http
