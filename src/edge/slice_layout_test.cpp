#include "edge/slice_layout.h"

#include <gtest/gtest.h>

namespace yz::edge {
namespace {

TEST(SliceLayout, SlicesCoverTheBodyOnce) {
  for (const std::uint32_t size : {1U, 7U, 64U, 1000U}) {
    for (const std::uint64_t total : {1ULL, 6ULL, 7ULL, 8ULL, 63ULL, 64ULL, 65ULL, 999ULL, 1000ULL, 1001ULL}) {
      const SliceLayout layout{total, size};
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < layout.count(); ++i) {
        const http::ByteRange range = layout.range_of(i);
        EXPECT_EQ(range.first, next);
        EXPECT_LE(range.length(), size);
        EXPECT_EQ(layout.slice_of(range.first), i);
        EXPECT_EQ(layout.slice_of(range.last), i);
        next = range.last + 1;
      }
      EXPECT_EQ(next, total) << total << "/" << size;
    }
  }
}

TEST(SliceLayout, HugeBodiesDoNotOverflow) {
  const SliceLayout layout{UINT64_MAX / 2, 1 << 20};
  const std::uint64_t last = layout.count() - 1;
  EXPECT_EQ(layout.range_of(last).last, UINT64_MAX / 2 - 1);
  EXPECT_EQ(layout.slice_of(UINT64_MAX / 2 - 1), last);
}

TEST(SliceLayout, ARunEndsWithItsGroupOrWithWhatIsWanted) {
  const SliceLayout layout{1000, 10};
  EXPECT_EQ(layout.run_end(0, 5), 0U);
  EXPECT_EQ(layout.run_end(0, 10), 1U);
  EXPECT_EQ(layout.run_end(3, 639), 63U);
  EXPECT_EQ(layout.run_end(3, 999), 63U);
  EXPECT_EQ(layout.run_end(64, UINT64_MAX), 99U);
  EXPECT_EQ(SliceLayout::group_of(63), 0U);
  EXPECT_EQ(SliceLayout::group_of(64), 1U);
}

}  // namespace
}  // namespace yz::edge
