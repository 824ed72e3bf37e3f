#include "cli/origin_url.h"

#include <gtest/gtest.h>

namespace yz::cli {
namespace {

TEST(OriginUrl, ReadsHostPortAndScheme) {
  const auto plain = parse_origin_url("http://192.0.2.1:8080/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "192.0.2.1");
  EXPECT_EQ(plain->port, 8080);
  EXPECT_EQ(parse_origin_url("https://o.a.com")->port, 443);
  EXPECT_EQ(parse_origin_url("http://[::1]")->host, "::1");
  EXPECT_EQ(parse_origin_url("http://[::1]:81")->port, 81);
}

TEST(OriginUrl, RefusesWhatIsNoOrigin) {
  for (const char* bad : {"", "a.com", "ftp://a", "http://", "http://a/b", "http://a:0", "http://a:x", "http://u@a"}) {
    EXPECT_FALSE(parse_origin_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace yz::cli
