#include "base/json_text.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(JsonText, HasNothingThatEndsALineOrTheString) {
  EXPECT_EQ(json_quoted(""), R"("")");
  EXPECT_EQ(json_quoted(R"(say "a\b")"), R"("say \"a\\b\"")");
  EXPECT_EQ(json_quoted("a\nb\t\x01"), R"("a\u000ab\u0009\u0001")");
  EXPECT_EQ(json_quoted("驿站"), "\"驿站\"");
}

}  // namespace
}  // namespace yz
