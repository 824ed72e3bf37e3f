#include "http/response_parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace yz::http {
namespace {

struct Parsed {
  HeadProgress progress;
  ResponseHead head;
};

Parsed parse(std::string_view bytes, Method request = Method::kGet, const ResponseRules& rules = {}) {
  Parsed out;
  ResponseParser parser(rules);
  out.progress = parser.parse(bytes, request, out.head);
  return out;
}

TEST(ResponseParser, DecidesFramingInTheOrderOfTheRfc) {
  struct Case {
    const char* bytes;
    Method request;
    Framing framing;
    std::uint64_t length;
    bool keep_alive;
  };
  const std::vector<Case> cases = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kGet, Framing::kLength, 5, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kHead, Framing::kNone, 5, true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Method::kGet, Framing::kNone, 5, true},
      {"HTTP/1.1 204\r\n\r\n", Method::kGet, Framing::kNone, 0, true},
      {"HTTP/1.1 100 Continue\r\n\r\n", Method::kPost, Framing::kNone, 0, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, Framing::kChunked, 0, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n", Method::kGet, Framing::kChunked, 0,
       false},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", Method::kGet,
       Framing::kChunked, 0, false},
      {"HTTP/1.1 200 OK\r\n\r\n", Method::kGet, Framing::kUntilClose, 0, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Method::kGet, Framing::kNone, 0, false},
      {"HTTP/1.1 200 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Method::kGet, Framing::kNone, 0, false},
  };
  for (const Case& c : cases) {
    const auto [progress, head] = parse(c.bytes, c.request);
    ASSERT_EQ(progress.state, Progress::kComplete) << c.bytes << rule(progress.error);
    EXPECT_EQ(head.framing, c.framing) << c.bytes;
    EXPECT_EQ(head.content_length, c.length) << c.bytes;
    EXPECT_EQ(head.keep_alive, c.keep_alive) << c.bytes;
  }
}

TEST(ResponseParser, RefusesWhatAnHonestOriginNeverSends) {
  struct Case {
    const char* bytes;
    HeadError error;
  };
  const std::vector<Case> cases = {
      {"HTTP/1.1 20 OK\r\n\r\n", HeadError::kStatusLine},
      {"HTTP/1.1 2000 OK\r\n\r\n", HeadError::kStatusLine},
      {"HTTP/1.1 600 OK\r\n\r\n", HeadError::kStatusLine},
      {"HTTP/1.1 099 OK\r\n\r\n", HeadError::kStatusLine},
      {"HTTP/1.1  200 OK\r\n\r\n", HeadError::kStatusLine},
      {"HTTP/2.0 200 OK\r\n\r\n", HeadError::kVersionUnsupported},
      {"<html>", HeadError::kVersion},
      {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", HeadError::kBareLineEnd},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", HeadError::kContentLengthRepeated},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", HeadError::kContentLength},
      {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HeadError::kFieldFolded},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HeadError::kTransferCodingUnknown},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", HeadError::kTransferCodingUnknown},
      {"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", HeadError::kFieldName},
  };
  for (const Case& c : cases) {
    const auto [progress, head] = parse(c.bytes);
    EXPECT_EQ(progress.state, Progress::kBad) << c.bytes;
    EXPECT_EQ(rule(progress.error), rule(c.error)) << c.bytes;
  }
}

TEST(ResponseParser, ReadsAnUnknownCodingUntilCloseOnlyWhenAllowed) {
  const auto [progress, head] = parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\n", Method::kGet,
                                      {.unknown_coding = ResponseRules::UnknownCoding::kReadUntilClose});
  ASSERT_EQ(progress.state, Progress::kComplete);
  EXPECT_EQ(head.framing, Framing::kUntilClose);
  EXPECT_FALSE(head.keep_alive);
}

TEST(ResponseParser, AcceptsUtf8InValues) {
  const auto [progress, head] = parse("HTTP/1.1 200 OK\r\nX: \xe4\xb8\xad\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(progress.state, Progress::kComplete);
  EXPECT_EQ(head.fields.find("x")->value, "\xe4\xb8\xad");
}

}  // namespace
}  // namespace yz::http
