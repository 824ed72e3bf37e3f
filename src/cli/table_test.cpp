#include "cli/table.h"

#include <gtest/gtest.h>

namespace yz::cli {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
  Table table({"name", "id", "why"});
  table.add({"a", "7", "x"});
  table.add({"驿站", "120", ""});
  EXPECT_EQ(table.text(), "name   id  why\na       7  x\n驿站    120\n");
}

TEST(Human, UnitsAreThoseOfTraffic) {
  EXPECT_EQ(human_bytes(12), "12 B");
  EXPECT_EQ(human_bytes(1'234'000), "1.2 MB");
  EXPECT_EQ(human_bits(2.5e9), "2.5 Gbit/s");
  EXPECT_EQ(human_ms(0.84), "0.8 ms");
  EXPECT_EQ(human_ms(1240), "1.24 s");
}

}  // namespace
}  // namespace yz::cli
