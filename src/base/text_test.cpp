#include "base/text.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(Text, ParsesOnlyPlainDecimalNumbers) {
  EXPECT_EQ(parse_u64("0"), 0U);
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  for (const auto* bad :
       {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x1", "1_0", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_u64(bad)) << bad;
  }
}

TEST(Text, Base64UrlRoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(*from_base64url(to_base64url(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
  EXPECT_FALSE(from_base64url("a"));
  EXPECT_FALSE(from_base64url("ab=="));
}

TEST(Text, PercentDecodingRefusesBrokenEscapes) {
  EXPECT_EQ(*percent_decode("a%20b%2F"), "a b/");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%zz"));
  EXPECT_EQ(*percent_decode(percent_encode("驿站 a+b")), "驿站 a+b");
}

TEST(Text, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8("驿站"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe9\xa9"));
}

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(trim(" \ta b\t "), "a b");
}

}  // namespace
}  // namespace yz
