#include "http/vary.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

std::uint64_t key(const std::vector<std::string>& names, const HeaderMap& request) {
  std::string scratch;
  return variant_key(names, request, scratch);
}

TEST(Vary, TheStarIsFoundAnywhere) {
  EXPECT_TRUE(varies_on_everything(HeaderMap{{"Vary", "*"}}));
  EXPECT_TRUE(varies_on_everything(HeaderMap{{"Vary", "a,*"}}));
  EXPECT_TRUE(varies_on_everything(HeaderMap{{"Vary", ""}, {"Vary", ", *"}}));
  EXPECT_FALSE(varies_on_everything(HeaderMap{{"Vary", "a, b"}}));
}

TEST(Vary, NamesAreASet) {
  EXPECT_EQ(varying_fields(HeaderMap{{"Vary", "B, a"}, {"vary", "A,,b"}}), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(varying_fields(HeaderMap{{"Vary", ""}}).empty());
}

TEST(Vary, AcceptEncodingIsTheSetOfAcceptedCodings) {
  const std::vector<std::string> names{"accept-encoding"};
  const auto encoding = [&](const char* value) { return key(names, HeaderMap{{"Accept-Encoding", value}}); };
  EXPECT_EQ(encoding("gzip, br"), encoding("br;q=0.9,GZIP;q=1.0"));
  EXPECT_EQ(encoding("gzip"), encoding("x-gzip, identity"));
  EXPECT_EQ(encoding("gzip"), encoding("gzip, br;q=0"));
  EXPECT_NE(encoding("gzip"), encoding("gzip, br"));
  EXPECT_NE(encoding("gzip"), encoding("gzip, identity;q=0"));
  EXPECT_EQ(encoding("gzip"), encoding("gzip, made-up-1"));  // nothing comes in a coding that is not registered
  EXPECT_NE(encoding("gzip"), encoding("gzip, *"));
  EXPECT_EQ(encoding("gzip, *;q=0"), encoding("gzip, identity;q=0"));
  EXPECT_EQ(encoding("gzip, *;q=0, identity"), encoding("gzip"));
  EXPECT_NE(encoding("gzip"), key(names, HeaderMap{}));
  EXPECT_EQ(encoding(";;;,,q=\"x"), encoding(";;;,,q=\"x"));
}

TEST(Vary, AcceptLanguageIgnoresCaseSpaceAndTheOrderOfEquals) {
  const std::vector<std::string> names{"accept-language"};
  const auto language = [&](const char* value) { return key(names, HeaderMap{{"Accept-Language", value}}); };
  EXPECT_EQ(language("en, DE"), language("de,en"));
  EXPECT_EQ(language("de;q=0.5, en"), language("en,de; q=0.5"));
  EXPECT_NE(language("en, de"), language("en, de;q=0.5"));
}

TEST(Vary, ThePreferredLanguageStandsAloneAtTheTop) {
  const auto preferred = [](const char* value) {
    const HeaderMap request{{"Accept-Language", value}};
    return std::string(preferred_language(request));
  };
  EXPECT_EQ(preferred("fr;q=0.5, de;q=1.0"), "de");
  EXPECT_EQ(preferred("de"), "de");
  EXPECT_EQ(preferred("de, en;q=0.9, en-US;q=0.9"), "de");
  EXPECT_EQ(preferred("de, en"), "");
  EXPECT_EQ(preferred("de;q=0"), "");
  EXPECT_EQ(preferred("*"), "");
  EXPECT_EQ(preferred(""), "");
}

TEST(Vary, OtherFieldsCombineLinesAndTrimCommas) {
  const std::vector<std::string> names{"foo"};
  EXPECT_EQ(key(names, {{"Foo", "1"}, {"foo", "2"}}), key(names, {{"Foo", "1 ,  2"}}));
  EXPECT_NE(key(names, {{"Foo", "1"}}), key(names, {{"Foo", "2"}}));
  EXPECT_NE(key(names, {{"Foo", "a"}}), key(names, {{"Foo", "A"}}));
  EXPECT_NE(key(names, {{"Foo", ""}}), key(names, {}));
  EXPECT_NE(key({"a", "b"}, {{"a", "1"}}), key({"a", "b"}, {{"b", "1"}}));
}

}  // namespace
}  // namespace yz::http
