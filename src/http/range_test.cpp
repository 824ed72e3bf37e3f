#include "http/range.h"

#include <vector>

#include <gtest/gtest.h>

namespace yz::http {
namespace {

using Kind = RangeSet::Kind;

TEST(Range, SelectsWhatTheSyntaxSays) {
  struct Case {
    const char* field;
    std::uint64_t length;
    Kind kind;
    std::vector<ByteRange> ranges;
  };
  const std::vector<Case> cases = {
      {"bytes=0-4", 10, Kind::kPartial, {{0, 4}}},
      {"Bytes=5-", 10, Kind::kPartial, {{5, 9}}},
      {"bytes=-3", 10, Kind::kPartial, {{7, 9}}},
      {"bytes=-30", 10, Kind::kPartial, {{0, 9}}},
      {"bytes=8-100", 10, Kind::kPartial, {{8, 9}}},
      {"bytes=10-", 10, Kind::kUnsatisfiable, {}},
      {"bytes=-0", 10, Kind::kUnsatisfiable, {}},
      {"bytes=0-", 0, Kind::kUnsatisfiable, {}},
      {"bytes=8-9, 0-1", 10, Kind::kPartial, {{8, 9}, {0, 1}}},
      {"bytes=0-5,3-7", 10, Kind::kPartial, {{0, 7}}},
      {"bytes=0-1,2-3,8-9", 10, Kind::kPartial, {{0, 3}, {8, 9}}},
      {"bytes=0-1,50-60", 10, Kind::kPartial, {{0, 1}}},
      {"bytes=4-2", 10, Kind::kWhole, {}},
      {"bytes=a-b", 10, Kind::kWhole, {}},
      {"bytes=-", 10, Kind::kWhole, {}},
      {"bytes=", 10, Kind::kWhole, {}},
      {"bytes=1", 10, Kind::kWhole, {}},
      {"items=0-1", 10, Kind::kWhole, {}},
      {"bytes=0-1,x", 10, Kind::kWhole, {}},
      {"bytes=0-18446744073709551616", 10, Kind::kWhole, {}},
      {"bytes=0-18446744073709551615", 10, Kind::kPartial, {{0, 9}}},
      {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
       100,
       Kind::kWhole,
       {}},
  };
  for (const Case& c : cases) {
    const auto set = RangeSet::parse(c.field, c.length);
    EXPECT_EQ(set.kind(), c.kind) << c.field;
    EXPECT_EQ(std::vector<ByteRange>(set.ranges().begin(), set.ranges().end()), c.ranges) << c.field;
  }
}

TEST(Range, AMultipartBodyHasTheLengthItSays) {
  const std::vector<ByteRange> ranges = {{0, 1}, {5, 9}};
  const auto multipart = make_multipart(ranges, 10, "text/plain", "B");
  std::string body;
  const std::string content = "0123456789";
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    body += multipart.heads[i] + content.substr(ranges[i].first, ranges[i].length());
  }
  body += multipart.tail;
  EXPECT_EQ(body.size(), multipart.content_length);
  EXPECT_EQ(body,
            "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            "\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-9/10\r\n\r\n56789\r\n--B--\r\n");
}

TEST(Range, ContentRangeRoundTrips) {
  const auto parsed = parse_content_range(content_range({3, 7}, 10));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->range, (ByteRange{3, 7}));
  EXPECT_EQ(parsed->total, 10U);
  for (const auto* bad : {"bytes 4-2/10", "bytes 4-10/10", "bytes 0-1/*", "bytes */10", "items 0-1/2", ""}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

}  // namespace
}  // namespace yz::http
