#include "http/header_map.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace yz::http {
namespace {

TEST(FieldId, EveryNameFindsItselfInAnyCase) {
  for (std::size_t i = 1; i < kFieldIds; ++i) {
    const auto id = static_cast<FieldId>(i);
    EXPECT_EQ(find_field_id(name_of(id)), id);
    EXPECT_EQ(find_field_id(to_lower(name_of(id))), id);
  }
  EXPECT_EQ(find_field_id("X-Unheard-Of"), FieldId::kOther);
  EXPECT_EQ(find_field_id(""), FieldId::kOther);
}

TEST(HeaderMap, SetReplacesAllLinesAtThePlaceOfTheFirst) {
  HeaderMap map{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  map.set("A", "9");
  std::string out;
  map.write_to(out);
  EXPECT_EQ(out, "A: 9\r\nB: 2\r\n");
}

TEST(HeaderMap, KeepsItsTextWhenMovedAndWhenCopied) {
  HeaderMap map;
  for (int i = 0; i < 200; ++i) map.add("Name-" + std::to_string(i), std::string(40, 'x'));
  HeaderMap copy = map;
  HeaderMap moved = std::move(map);
  map = HeaderMap();
  EXPECT_EQ(moved.value("name-199"), std::string(40, 'x'));
  moved.clear();
  EXPECT_EQ(copy.value("name-7"), std::string(40, 'x'));
  HeaderMap from = std::move(copy);
  copy.add("after", "move");  // NOLINT(bugprone-use-after-move): the state after a move is the point
  EXPECT_EQ(copy.value("after"), "move");
}

TEST(Fields, ListsSplitAtCommasOutsideQuotedStrings) {
  std::vector<std::string> seen;
  for_each_element(" a, \"b,\\\"c\" ,, d ", [&](std::string_view element) { seen.emplace_back(element); });
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "\"b,\\\"c\"", "d"}));
}

}  // namespace
}  // namespace yz::http
