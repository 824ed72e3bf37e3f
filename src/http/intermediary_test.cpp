#include <gtest/gtest.h>

#include "http/cache_status.h"
#include "http/cdn_loop.h"
#include "http/hop_by_hop.h"

namespace yz::http {
namespace {

TEST(CacheStatus, SaysWhatHappened) {
  std::string out;
  append_cache_status(out, "yz-l1", {.hit = true, .ttl = seconds(30)});
  EXPECT_EQ(out, "yz-l1; hit; ttl=30");
  out.clear();
  append_cache_status(out, "yz",
                      {.forward = Forward::kUriMiss, .forward_status = 200, .stored = true, .collapsed = true});
  EXPECT_EQ(out, "yz; fwd=uri-miss; fwd-status=200; stored; collapsed");
}

TEST(CdnLoop, AQuoteLeftOpenHidesNobody) {
  HeaderMap request{{"CDN-Loop", "foo;a=\""}};
  for (std::size_t passes = 1; passes < 4; ++passes) {
    add_loop_and_via(request, "yizhan", Version::kHttp11, "node-1");
    EXPECT_EQ(count_in_loop(request, "yizhan"), passes);
  }
}

TEST(CdnLoop, CountsOurIdAndAddsIt) {
  HeaderMap request{{"CDN-Loop", "foo;a=\"b,c\", Yizhan"}, {"Via", "1.1 x"}};
  EXPECT_EQ(count_in_loop(request, "yizhan"), 1U);
  add_loop_and_via(request, "yizhan", Version::kHttp11, "node-1");
  EXPECT_EQ(count_in_loop(request, "yizhan"), 2U);
  EXPECT_EQ(request.value(FieldId::kVia), "1.1 x, 1.1 node-1");
}

TEST(HopByHop, ConnectionTakesAwayWhatItListsButNotWhatItMayNot) {
  const HeaderMap message{
      {"Connection", "close, X-Hop, Host, Cache-Control"}, {"X-Hop", "1"}, {"Host", "a"}, {"TE", "x"}};
  const auto hop = [&](const char* name) { return is_hop_by_hop({name, "", find_field_id(name)}, message); };
  EXPECT_TRUE(hop("Connection") && hop("x-hop") && hop("TE") && hop("Transfer-Encoding") && hop("Upgrade"));
  EXPECT_FALSE(hop("Host") || hop("Cache-Control") || hop("X-Other"));
}

TEST(HopByHop, PoisoningInputsAreKnown) {
  for (const auto* name : {"X-Forwarded-Host", "x-original-url", "Forwarded", "X-HTTP-Method-Override"}) {
    EXPECT_TRUE(is_unkeyed_override({name, "", find_field_id(name)})) << name;
  }
  EXPECT_FALSE(is_unkeyed_override({"X-Forwarded-For", "", FieldId::kXForwardedFor}));
  EXPECT_TRUE(is_internal({"yz-peer", "", FieldId::kYzPeer}));
}

}  // namespace
}  // namespace yz::http
