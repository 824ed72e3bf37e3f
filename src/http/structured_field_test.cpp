#include "http/structured_field.h"

#include <gtest/gtest.h>

namespace yz::http {
namespace {

TEST(StructuredField, ReadsADictionaryOfEveryKind) {
  const auto members = parse_dictionary(
      "max-age=60 ,\tno-store, a=tok/en;p=1;q, b=\"x\\\"y\", c=?0, d=1.5, e=:aGk=:, f=(1 \"2\"), a=-7");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 8U);
  EXPECT_EQ(std::get<std::int64_t>(members->front().value), 60);
  EXPECT_TRUE(std::get<bool>((*members)[1].value));
  EXPECT_EQ(std::get<std::string>((*members)[2].value), "x\"y");
  EXPECT_EQ(members->back().key, "a");
  EXPECT_EQ(std::get<std::int64_t>(members->back().value), -7);
}

TEST(StructuredField, OneWrongByteLosesTheField) {
  for (const auto* text :
       {"max-age=10000, &&&&&", "a,", "a,,b", "A=1", "a=", "a =1", "a= 1", "a=\"x", "a=1.", "a=1.2345",
        "a=1234567890123456", "a=?2", "a=(1", "a=(1,2)", "a=\"\x01\"", "a;", "=1", "a b"}) {
    EXPECT_FALSE(parse_dictionary(text)) << text;
  }
  EXPECT_TRUE(parse_dictionary("")->empty());
}

}  // namespace
}  // namespace yz::http
