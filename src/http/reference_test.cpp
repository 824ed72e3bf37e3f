#include "http/reference.h"

#include <gtest/gtest.h>

namespace yz::http {
namespace {

TEST(ResolveUrl, FollowsTheExamplesOfRfc3986) {
  // §5.4.1 and §5.4.2, without fragments and other schemes.
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},
      {"g;x=1?y", "http://a/b/c/g;x=1?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
  };
  for (const auto& [reference, expected] : cases) {
    EXPECT_EQ(resolve_url("http://a/b/c/d;p?q", reference), expected) << reference;
  }
}

TEST(ResolveUrl, TakesAnotherHostOrScheme) {
  EXPECT_EQ(resolve_url("http://a.com/x", "HTTPS://b.com:8443/y?z"), "https://b.com:8443/y?z");
  EXPECT_EQ(resolve_url("https://a.com", "v/1.ts"), "https://a.com/v/1.ts");
}

TEST(ResolveUrl, RefusesWhatNoCacheCanAskFor) {
  for (const char* reference : {"data:text/plain,x", "skd://key", "ftp://a/b", "mailto:a@b", "//user@b/x", "http:x"}) {
    EXPECT_FALSE(resolve_url("http://a/b", reference)) << reference;
  }
  EXPECT_FALSE(resolve_url("/b", "c"));
}

}  // namespace
}  // namespace yz::http
