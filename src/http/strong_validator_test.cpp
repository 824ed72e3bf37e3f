#include "http/strong_validator.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

TEST(StrongValidator, OnlyWhatProvesEqualBytesIsStrong) {
  const WallTime now{std::chrono::hours(24 * 365 * 50)};
  const auto of = [&](const HeaderMap& fields) {
    const auto found = strong_validator(fields, now);
    return found ? found->text : "none";
  };
  constexpr const char* kMonday = "Mon, 05 Jan 2015 10:00:00 GMT";
  constexpr const char* kSecondLater = "Mon, 05 Jan 2015 10:00:01 GMT";
  EXPECT_EQ(of({{"ETag", "\"a\""}}), "\"a\"");
  EXPECT_EQ(of({{"ETag", "W/\"a\""}}), "none");
  EXPECT_EQ(of({{"ETag", "a"}}), "none");
  EXPECT_EQ(of({{"ETag", "\"a\""}, {"ETag", "\"b\""}}), "none");
  EXPECT_EQ(of({{"Last-Modified", kMonday}, {"Date", kSecondLater}}), kMonday);
  EXPECT_EQ(of({{"Last-Modified", kMonday}, {"Date", kMonday}}), "none");
  EXPECT_EQ(of({{"Last-Modified", kMonday}}), "none");
  // A weak tag beside a date that would do: the origin says that bytes may differ.
  EXPECT_EQ(of({{"ETag", "W/\"a\""}, {"Last-Modified", kMonday}, {"Date", kSecondLater}}), "none");
}

TEST(StrongValidator, VersionsAreComparedByTheSameKindOfValidator) {
  const StrongValidator tag{false, "\"a\""};
  EXPECT_EQ(compare_version(tag, HeaderMap{{"ETag", "\"a\""}}), SameVersion::kSame);
  EXPECT_EQ(compare_version(tag, HeaderMap{{"ETag", "\"b\""}}), SameVersion::kOther);
  EXPECT_EQ(compare_version(tag, HeaderMap{{"ETag", "W/\"a\""}}), SameVersion::kOther);
  EXPECT_EQ(compare_version(tag, HeaderMap{{"Last-Modified", "x"}}), SameVersion::kUnsaid);
  EXPECT_EQ(compare_version({true, "x"}, HeaderMap{{"Last-Modified", "x"}}), SameVersion::kSame);
}

}  // namespace
}  // namespace yz::http
