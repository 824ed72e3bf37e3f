#include "http/part.h"

#include <gtest/gtest.h>

#include "http/header_map.h"

namespace yz::http {
namespace {

/// An answer to "Range: bytes=100-199" of a representation of 1000 bytes, with tag "v".
struct Case {
  const char* what;
  StatusCode status;
  Framing framing;
  std::uint64_t length;
  HeaderMap fields;
  PartVerdict verdict;
};

TEST(Part, OnlyProvenBytesOfTheVersionAskedForAreTaken) {
  const StrongValidator version{false, "\"v\""};
  const Case cases[] = {
      {"as asked",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 100-199/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kPart},
      {"chunked",
       206,
       Framing::kChunked,
       0,
       {{"Content-Range", "bytes 100-199/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kPart},
      {"shorter",
       206,
       Framing::kLength,
       50,
       {{"Content-Range", "bytes 100-149/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kPart},
      {"another start",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 0-99/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kUnusable},
      {"more than asked",
       206,
       Framing::kLength,
       200,
       {{"Content-Range", "bytes 100-299/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kUnusable},
      {"length and range differ",
       206,
       Framing::kLength,
       99,
       {{"Content-Range", "bytes 100-199/1000"}, {"ETag", "\"v\""}},
       PartVerdict::kUnusable},
      {"no Content-Range", 206, Framing::kLength, 100, {{"ETag", "\"v\""}}, PartVerdict::kUnusable},
      {"several parts",
       206,
       Framing::kLength,
       100,
       {{"Content-Type", "multipart/byteranges; boundary=x"}, {"ETag", "\"v\""}},
       PartVerdict::kUnusable},
      {"unknown total",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 100-199/*"}, {"ETag", "\"v\""}},
       PartVerdict::kUnusable},
      {"no tag", 206, Framing::kLength, 100, {{"Content-Range", "bytes 100-199/1000"}}, PartVerdict::kUnusable},
      {"another tag",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 100-199/1000"}, {"ETag", "\"w\""}},
       PartVerdict::kChanged},
      {"weak tag",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 100-199/1000"}, {"ETag", "W/\"v\""}},
       PartVerdict::kChanged},
      {"another total",
       206,
       Framing::kLength,
       100,
       {{"Content-Range", "bytes 100-199/1001"}, {"ETag", "\"v\""}},
       PartVerdict::kChanged},
      {"whole", 200, Framing::kLength, 1000, {{"ETag", "\"v\""}}, PartVerdict::kWhole},
      {"whole, another", 200, Framing::kLength, 1000, {{"ETag", "\"w\""}}, PartVerdict::kChanged},
      {"whole, longer", 200, Framing::kLength, 1001, {{"ETag", "\"v\""}}, PartVerdict::kChanged},
      {"whole, unproven", 200, Framing::kLength, 1000, {}, PartVerdict::kChanged},
      {"gone", 404, Framing::kLength, 0, {}, PartVerdict::kChanged},
      {"shorter now", 416, Framing::kLength, 0, {{"Content-Range", "bytes */50"}}, PartVerdict::kChanged},
      {"broken", 503, Framing::kLength, 0, {}, PartVerdict::kFailed},
  };
  for (const Case& c : cases) {
    ResponseHead head;
    head.status = c.status;
    head.framing = c.framing;
    head.content_length = c.length;
    for (const Field& field : c.fields) ASSERT_TRUE(head.fields.add(field));
    EXPECT_EQ(judge_part(head, version, 1000, {100, 199}).verdict, c.verdict) << c.what;
  }
}

TEST(Part, ADateThatIfRangeProvedMayBeLeftOut) {
  ResponseHead head;
  head.status = 206;
  head.framing = Framing::kLength;
  head.content_length = 100;
  ASSERT_TRUE(head.fields.add({"Content-Range", "bytes 100-199/1000", FieldId::kContentRange}));
  const Part part = judge_part(head, {true, "Mon, 05 Jan 2015 10:00:00 GMT"}, 1000, {100, 199});
  EXPECT_EQ(part.verdict, PartVerdict::kPart);
  EXPECT_EQ(part.range, (ByteRange{100, 199}));
}

}  // namespace
}  // namespace yz::http
