#include "http/request_parser.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace yz::http {
namespace {

struct Parsed {
  HeadProgress progress;
  RequestHead head;
};

/// Parses a copy-free view; the caller keeps `bytes` alive.
Parsed parse(std::string_view bytes, const RequestRules& rules = {}) {
  Parsed out;
  RequestParser parser(rules);
  out.progress = parser.parse(bytes, out.head);
  return out;
}

std::string with_fields(std::string_view fields, std::string_view line = "POST / HTTP/1.1") {
  return std::string(line) + "\r\nHost: a.example\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestParser, ReadsAnOrdinaryRequest) {
  const std::string bytes =
      "GET /a/b.js?x=1&y HTTP/1.1\r\nHost: WWW.a.example:8080\r\nAccept-Encoding:  gzip, br \t\r\nX-Empty:\r\n\r\nBODY";
  const auto [progress, head] = parse(bytes);
  ASSERT_EQ(progress.state, Progress::kComplete);
  EXPECT_EQ(progress.consumed, bytes.size() - 4);
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.path, "/a/b.js");
  EXPECT_TRUE(head.has_query);
  EXPECT_EQ(head.query, "x=1&y");
  EXPECT_EQ(head.host, "WWW.a.example");
  EXPECT_EQ(head.port, 8080);
  EXPECT_EQ(head.fields.value(FieldId::kAcceptEncoding), "gzip, br");
  EXPECT_EQ(head.fields.find("x-empty")->value, "");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.framing, Framing::kNone);
}

TEST(RequestParser, RefusesEachSmugglingVectorWithItsRule) {
  struct Case {
    const char* name;
    std::string bytes;
    HeadError error;
  };
  const std::vector<Case> cases = {
      {"length and chunked", with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
       HeadError::kLengthAndTransferEncoding},
      {"chunked and length", with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
       HeadError::kLengthAndTransferEncoding},
      {"chunked is not last", with_fields("Transfer-Encoding: chunked, gzip\r\n"), HeadError::kTransferEncoding},
      {"empty element before chunked", with_fields("Transfer-Encoding: ,chunked\r\n"), HeadError::kTransferEncoding},
      {"two codings in one line", with_fields("Transfer-Encoding: chunked, chunked\r\n"), HeadError::kTransferEncoding},
      {"two lines", with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       HeadError::kTransferEncoding},
      {"identity", with_fields("Transfer-Encoding: identity\r\n"), HeadError::kTransferEncoding},
      {"empty coding", with_fields("Transfer-Encoding:\r\n"), HeadError::kTransferEncoding},
      {"vertical tab",
       with_fields("Transfer-Encoding: \x0b"
                   "chunked\r\n"),
       HeadError::kFieldValue},
      {"quoted", with_fields("Transfer-Encoding: \"chunked\"\r\n"), HeadError::kTransferEncoding},
      {"unknown coding", with_fields("Transfer-Encoding: xchunked\r\n"), HeadError::kTransferCodingUnknown},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
       HeadError::kTransferEncodingInHttp10},
      {"two different lengths", with_fields("Content-Length: 5\r\nContent-Length: 6\r\n"),
       HeadError::kContentLengthRepeated},
      {"two equal lengths", with_fields("Content-Length: 5\r\nContent-Length: 5\r\n"),
       HeadError::kContentLengthRepeated},
      {"a list of lengths", with_fields("Content-Length: 5, 5\r\n"), HeadError::kContentLength},
      {"empty length", with_fields("Content-Length:\r\n"), HeadError::kContentLength},
      {"signed length", with_fields("Content-Length: +5\r\n"), HeadError::kContentLength},
      {"negative length", with_fields("Content-Length: -1\r\n"), HeadError::kContentLength},
      {"hexadecimal length", with_fields("Content-Length: 0x5\r\n"), HeadError::kContentLength},
      {"underscore in length", with_fields("Content-Length: 1_0\r\n"), HeadError::kContentLength},
      {"leading zero", with_fields("Content-Length: 010\r\n"), HeadError::kContentLength},
      {"above 2^63-1", with_fields("Content-Length: 9223372036854775808\r\n"), HeadError::kContentLength},
      {"above 2^64", with_fields("Content-Length: 18446744073709551621\r\n"), HeadError::kContentLength},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", HeadError::kBareLineEnd},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", HeadError::kBareLineEnd},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", HeadError::kBareLineEnd},
      {"bare CR in a value", with_fields("X: a\rb\r\n"), HeadError::kBareLineEnd},
      {"NUL in a value", with_fields(std::string_view("X: a\0b\r\n", 8)), HeadError::kFieldValue},
      {"NUL in a name", with_fields(std::string_view("X\0Y: b\r\n", 8)), HeadError::kFieldName},
      {"eight bits in a name", with_fields("X\xc3\xa9: b\r\n"), HeadError::kFieldName},
      {"eight bits in a value", with_fields("X: \xc3\xa9\r\n"), HeadError::kFieldValue},
      {"DEL in a value", with_fields("X: a\x7f\r\n"), HeadError::kFieldValue},
      {"space before the colon", with_fields("Content-Length : 5\r\n"), HeadError::kFieldName},
      {"tab before the colon", with_fields("Content-Length\t: 5\r\n"), HeadError::kFieldName},
      {"empty name", with_fields(": x\r\n"), HeadError::kFieldName},
      {"no colon", with_fields("Content-Length\r\n"), HeadError::kFieldName},
      {"folded line", with_fields("X: a\r\n b\r\n"), HeadError::kFieldFolded},
      {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", HeadError::kFieldFolded},
      {"two Hosts", with_fields("Host: b\r\n"), HeadError::kHostRepeated},
      {"two equal Hosts", with_fields("host: a.example\r\n"), HeadError::kHostRepeated},
      {"no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", HeadError::kHostMissing},
      {"userinfo in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HeadError::kHostInvalid},
      {"path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HeadError::kHostInvalid},
      {"list in Host", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", HeadError::kHostInvalid},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HeadError::kHostInvalid},
      {"empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", HeadError::kHostInvalid},
      {"port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", HeadError::kHostInvalid},
      {"NUL in Host", std::string("GET / HTTP/1.1\r\nHost: a\0.b\r\n\r\n", 31), HeadError::kFieldValue},
      {"authority and Host differ", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kHostMismatch},
      {"ports differ", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kHostMismatch},
      {"userinfo in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"missing path with query", "GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"unknown scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"eight bits in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kRequestLine},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kVersion},
      {"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HeadError::kVersion},
      {"HTTP/0.9", "GET /\r\n\r\n", HeadError::kRequestLine},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::kVersionUnsupported},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", HeadError::kVersion},
      {"long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", HeadError::kVersion},
      {"method with a colon", "G:T / HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kRequestLine},
      {"TLS hello", std::string("\x16\x03\x01\x02", 4), HeadError::kMethod},
      {"other expectation", with_fields("Expect: 200-ok\r\n"), HeadError::kExpectation},
      {"connect without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", HeadError::kTarget},
  };
  for (const Case& c : cases) {
    const auto [progress, head] = parse(c.bytes);
    EXPECT_EQ(progress.state, Progress::kBad) << c.name;
    EXPECT_EQ(rule(progress.error), rule(c.error)) << c.name;
    EXPECT_GE(status_for(progress.error), 400) << c.name;
  }
}

TEST(RequestParser, AcceptsWhatTheGrammarAllows) {
  const std::vector<std::string> good = {
      "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://a HTTP/1.1\r\nHost: a:80\r\n\r\n",
      "GET HTTP://A/x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%7Ea|b\"c?<>{}^`\\ HTTP/1.1\r\nHost: a_b-c.d\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
      "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
  };
  for (const auto& bytes : good) {
    const auto [progress, head] = parse(bytes);
    EXPECT_EQ(progress.state, Progress::kComplete) << bytes << rule(progress.error);
    EXPECT_EQ(progress.consumed, bytes.size());
  }
}

TEST(RequestParser, DecidesTheBodyAndTheConnection) {
  EXPECT_EQ(parse(with_fields("Content-Length: 7\r\n")).head.content_length, 7U);
  EXPECT_EQ(parse(with_fields("Content-Length: 7\r\n")).head.framing, Framing::kLength);
  EXPECT_EQ(parse(with_fields("Transfer-Encoding: chunked\r\n")).head.framing, Framing::kChunked);
  EXPECT_FALSE(parse(with_fields("Connection: x, CLOSE\r\n")).head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse(with_fields("Expect: 100-Continue\r\n")).head.expects_continue);
}

TEST(RequestParser, AllowsObsTextOnlyWhenAsked) {
  const std::string bytes = with_fields("Cookie: n=\xe4\xb8\xad\r\n");
  EXPECT_EQ(parse(bytes, {.allow_obs_text = true}).progress.state, Progress::kComplete);
}

TEST(RequestParser, KeepsItsLimits) {
  const auto error = [](const std::string& bytes) { return parse(bytes).progress.error; };
  const std::string long_path(9000, 'a');
  EXPECT_EQ(error("GET /" + long_path + " HTTP/1.1\r\nHost: a\r\n\r\n"), HeadError::kRequestLineTooLong);
  EXPECT_EQ(error("GET /" + long_path), HeadError::kRequestLineTooLong);
  EXPECT_EQ(error(with_fields("X: " + std::string(17000, 'a') + "\r\n")), HeadError::kFieldTooLong);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: " + std::string(17000, 'a')).progress.error, HeadError::kFieldTooLong);
  EXPECT_EQ(error(std::string(100, 'G')), HeadError::kMethod);
  std::string many;
  for (int i = 0; i < 128; ++i) many += "X: y\r\n";
  EXPECT_EQ(error(with_fields(many)), HeadError::kTooManyFields);
  std::string large;
  for (int i = 0; i < 5; ++i) large += "X: " + std::string(15000, 'a') + "\r\n";
  EXPECT_EQ(error(with_fields(large)), HeadError::kHeadTooLarge);
  EXPECT_EQ(status_for(HeadError::kRequestLineTooLong), 414);
  EXPECT_EQ(status_for(HeadError::kTooManyFields), 431);
}

TEST(RequestParser, GivesTheSameAnswerWhenBytesComeOneByOne) {
  const std::string bytes = "POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX-A: b\r\n\r\n";
  RequestParser parser;
  RequestHead head;
  for (std::size_t n = 1; n < bytes.size(); ++n) {
    ASSERT_EQ(parser.parse(std::string_view(bytes).substr(0, n), head).state, Progress::kIncomplete) << n;
  }
  const HeadProgress progress = parser.parse(bytes, head);
  ASSERT_EQ(progress.state, Progress::kComplete);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_EQ(head.fields.value(FieldId::kHost), "a");
}

TEST(RequestParser, RefusesBareLineFeedsThatComeOneByOne) {
  const std::string bytes = "GET / HTTP/1.1\nHost: a\n\n";
  RequestParser parser;
  RequestHead head;
  HeadProgress progress;
  for (std::size_t n = 1; n <= bytes.size() && progress.state == Progress::kIncomplete; ++n) {
    progress = parser.parse(std::string_view(bytes).substr(0, n), head);
  }
  EXPECT_EQ(progress.error, HeadError::kBareLineEnd);
}

TEST(RequestParser, PipelinedRequestsFollowEachOther) {
  const std::string bytes = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  RequestParser parser;
  RequestHead head;
  const auto first = parser.parse(bytes, head);
  ASSERT_EQ(first.state, Progress::kComplete);
  parser.reset();
  const auto second = parser.parse(std::string_view(bytes).substr(first.consumed), head);
  ASSERT_EQ(second.state, Progress::kComplete);
  EXPECT_EQ(head.path, "/2");
}

}  // namespace
}  // namespace yz::http
