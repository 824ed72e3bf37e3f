#include "control/call.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::control {
namespace {

Call with_header(std::string name, std::string value) {
  Call call;
  call.headers = {{std::move(name), std::move(value)}};
  return call;
}

TEST(Call, WantsIfMatchAndTheRightOne) {
  EXPECT_EQ(check_if_match(Call{}, 3).error().status, 428);
  EXPECT_EQ(check_if_match(with_header("if-match", "\"2\""), 3).error().status, 412);
  EXPECT_EQ(check_if_match(with_header("if-match", "W/\"3\""), 3).error().status, 412) << "weak tags never match";
  EXPECT_TRUE(check_if_match(with_header("if-match", "\"1\", \"3\""), 3));
  EXPECT_TRUE(check_if_match(with_header("if-match", "*"), 3));
}

TEST(Call, AnswersNotModifiedForTheSameVersion) {
  EXPECT_TRUE(is_not_modified(with_header("if-none-match", "W/\"3\""), 3));
  EXPECT_FALSE(is_not_modified(with_header("if-none-match", "\"4\""), 3));
  EXPECT_FALSE(is_not_modified(Call{}, 3));
}

TEST(Call, CursorsSurviveTheRoundTripAndNothingElseDoes) {
  const auto page = nlohmann::json::parse(page_reply(nlohmann::json::array({1}), 1234).body);
  Call call;
  call.query = {{"cursor", page["next_cursor"].get<std::string>()}, {"limit", "7"}};
  const auto read = read_page(call);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->after, 1234U);
  EXPECT_EQ(read->limit, 7U);
  for (const char* bad : {"", "x", "YTEyeA", "!!!"}) {
    call.query = {{"cursor", bad}};
    EXPECT_FALSE(read_page(call)) << bad;
  }
  for (const char* bad : {"0", "501", "-1", "x"}) {
    call.query = {{"limit", bad}};
    EXPECT_FALSE(read_page(call)) << bad;
  }
  EXPECT_FALSE(nlohmann::json::parse(page_reply({}, 0).body).contains("next_cursor"));
}

TEST(Call, BodiesMustBeJsonObjectsOfAJsonType) {
  Call call = with_header("content-type", "text/plain");
  call.body = "{}";
  EXPECT_EQ(read_body(call).error().status, 415);
  call.headers = {{"content-type", "application/json; charset=utf-8"}};
  EXPECT_TRUE(read_body(call));
  call.body = "{\"a\": }";
  const auto broken = read_body(call);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().status, 400);
  EXPECT_NE(broken.error().detail.find("1:"), std::string::npos) << broken.error().detail;
  call.body = "[]";
  EXPECT_EQ(read_body(call).error().status, 422);
}

}  // namespace
}  // namespace yz::control
