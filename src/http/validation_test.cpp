#include "http/validation.h"

#include <gtest/gtest.h>

namespace yz::http {
namespace {

TEST(Validation, AsksWithTheStoredValidatorsOnly) {
  HeaderMap request{{"If-None-Match", "\"viewer\""}, {"Range", "bytes=0-1"}, {"If-Range", "\"x\""}, {"A", "b"}};
  make_conditional(request, HeaderMap{{"ETag", "\"a\""}, {"Last-Modified", "yesterday"}});
  EXPECT_EQ(request.value(FieldId::kIfNoneMatch), "\"a\"");
  EXPECT_EQ(request.value(FieldId::kIfModifiedSince), "yesterday");
  EXPECT_FALSE(request.has(FieldId::kRange) || request.has(FieldId::kIfRange));
  EXPECT_TRUE(request.value("a"));
}

TEST(Validation, A304MustNameTheStoredResponse) {
  const HeaderMap stored{{"ETag", "\"a\""}, {"Last-Modified", "x"}};
  EXPECT_TRUE(confirms(HeaderMap{}, stored));
  EXPECT_TRUE(confirms(HeaderMap{{"ETag", "W/\"a\""}}, stored));
  EXPECT_FALSE(confirms(HeaderMap{{"ETag", "\"b\""}}, stored));
  EXPECT_FALSE(confirms(HeaderMap{{"Last-Modified", "y"}}, HeaderMap{{"Last-Modified", "x"}}));
}

TEST(Validation, MergingReplacesFieldsButNotThoseOfTheBody) {
  const HeaderMap stored{{"Cache-Control", "max-age=1"},
                         {"Cache-Control", "public"},
                         {"Content-Length", "5"},
                         {"Age", "9"},
                         {"Keep", "1"},
                         {"Test", "a"}};
  const HeaderMap fresh{{"cache-control", "max-age=9"},
                        {"Content-Length", "0"},
                        {"Content-Encoding", "gzip"},
                        {"Content-MD5", "x"},
                        {"Connection", "hop"},
                        {"Hop", "x"},
                        {"test", "b"},
                        {"test", "c"},
                        {"New", "n"}};
  std::string out;
  merge_fields(stored, fresh).write_to(out);
  EXPECT_EQ(out, "Content-Length: 5\r\nKeep: 1\r\ncache-control: max-age=9\r\ntest: b\r\ntest: c\r\nNew: n\r\n");
}

TEST(Validation, AgeIsThatOfTheNewAnswer) {
  const HeaderMap stored{{"Age", "9"}, {"Test", "a"}};
  EXPECT_EQ(merge_fields(stored, HeaderMap{{"Test", "b"}}).value(FieldId::kAge), std::nullopt);
  EXPECT_EQ(merge_fields(stored, HeaderMap{{"Age", "3"}}).value(FieldId::kAge), "3");
}

TEST(Validation, HeadUpdatesOrInvalidates) {
  const HeaderMap stored{{"ETag", "\"a\""}};
  EXPECT_EQ(compare_head(HeaderMap{{"ETag", "\"a\""}, {"Content-Length", "5"}}, stored, 5), HeadVerdict::kUpdate);
  EXPECT_EQ(compare_head(HeaderMap{{"ETag", "\"b\""}}, stored, 5), HeadVerdict::kInvalidate);
  EXPECT_EQ(compare_head(HeaderMap{{"Content-Length", "6"}}, stored, 5), HeadVerdict::kInvalidate);
}

}  // namespace
}  // namespace yz::http
