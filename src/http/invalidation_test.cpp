#include "http/invalidation.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

using Targets = std::vector<std::string>;

TEST(Invalidation, OnlySuccessfulUnsafeMethodsInvalidate) {
  EXPECT_TRUE(invalidates(Method::kPost, 200));
  EXPECT_TRUE(invalidates(Method::kOther, 204));
  EXPECT_TRUE(invalidates(Method::kDelete, 303));
  EXPECT_FALSE(invalidates(Method::kPost, 500));
  EXPECT_FALSE(invalidates(Method::kPost, 404));
  EXPECT_FALSE(invalidates(Method::kHead, 200));
}

TEST(Invalidation, LocationCountsOnTheSameOriginOnly) {
  const auto targets = [](const char* location) {
    return invalidated_targets("http", "a.com", "/x/y?q", HeaderMap{{"Location", location}});
  };
  EXPECT_EQ(targets("/z"), (Targets{"/x/y?q", "/z"}));
  EXPECT_EQ(targets("z?w"), (Targets{"/x/y?q", "/x/z?w"}));
  EXPECT_EQ(targets("../z/./b"), (Targets{"/x/y?q", "/z/b"}));
  EXPECT_EQ(targets("http://A.com:80/z#f"), (Targets{"/x/y?q", "/z"}));
  EXPECT_EQ(targets("//a.com"), (Targets{"/x/y?q", "/"}));
  EXPECT_EQ(targets("http://b.com/z"), (Targets{"/x/y?q"}));
  EXPECT_EQ(targets("https://a.com/z"), (Targets{"/x/y?q"}));
  EXPECT_EQ(targets("http://a.com:81/z"), (Targets{"/x/y?q"}));
  EXPECT_EQ(targets("/x/y?q"), (Targets{"/x/y?q"}));
  EXPECT_EQ(targets("mailto:x"), (Targets{"/x/y?q"}));
}

}  // namespace
}  // namespace yz::http
