#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/h2/head_decoder.h"
#include "net/h2/head_encoder.h"
#include "net/h2/head_memo.h"
#include "net/h2/test_client.h"

namespace yz::net::h2 {
namespace {

iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

/// Encodes as a session does, checks the bound, and decodes with another implementation.
testing::FieldLines round_trip(int status, const std::vector<std::string>& pieces) {
  std::vector<iovec> head;
  for (const std::string& text : pieces) head.push_back(piece(text));
  std::string out(encoded_bound(head), '\xee');
  char* end = encode_status(out.data(), status);
  for (const std::string& text : pieces) end = encode_lines(end, text);
  EXPECT_LE(end, out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));

  testing::FieldLines fields;
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  const auto* at = reinterpret_cast<const std::uint8_t*>(out.data());
  std::size_t left = out.size();
  while (true) {
    nghttp2_nv field;
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, left, 1);
    if (used < 0) {
      ADD_FAILURE() << used;
      break;
    }
    at += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      fields.emplace_back(std::string(reinterpret_cast<const char*>(field.name), field.namelen),
                          std::string(reinterpret_cast<const char*>(field.value), field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
  }
  EXPECT_EQ(nghttp2_hd_inflate_get_num_table_entries(inflater), 61U) << "nothing may enter the dynamic table";
  nghttp2_hd_inflate_del(inflater);
  return fields;
}

TEST(HeadEncoderTest, TurnsSerialisedHeadsIntoLiterals) {
  const testing::FieldLines expected = {{":status", "200"},
                                        {"content-type", "text/html"},
                                        {"etag", "\"x\""},
                                        {"x-own-field", "a: b"},
                                        {"cache-status", "n; hit"},
                                        {"age", "12"},
                                        {"empty", ""}};
  EXPECT_EQ(round_trip(200, {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\nX-Own-Field: a: b\r\n",
                             "Cache-Status: n; hit\r\nAge: 12\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n",
                             "Empty: \r\n"}),
            expected);
}

TEST(HeadEncoderTest, KnowsEveryStatus) {
  for (int status = 100; status < 600; ++status) {
    const testing::FieldLines expected = {{":status", std::to_string(status)}};
    EXPECT_EQ(round_trip(status, {}), expected);
  }
}

TEST(HeadEncoderTest, CodesLengthsOnBothSidesOfEachStep) {
  for (const std::size_t size : {0, 1, 126, 127, 128, 254, 255, 256, 4095, 16'510, 16'511, 16'512, 40'000}) {
    const std::string value(size, 'v');
    const std::string name = "n" + std::string(size % 300, 'x');
    const testing::FieldLines expected = {{":status", "204"}, {name, value}};
    EXPECT_TRUE(round_trip(204, {name + ": " + value + "\r\n"}) == expected) << size;
  }
}

TEST(HeadEncoderTest, StaysWithinItsBoundForManyShortLines) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "a: \r\n";
  EXPECT_EQ(round_trip(599, {lines}).size(), 1001U);
}

TEST(HeadEncoderTest, KnowsEveryNameOfTheStaticTable) {
  for (std::size_t i = 1; i < http::kFieldIds; ++i) {
    const std::string_view name = http::name_of(static_cast<http::FieldId>(i));
    const auto fields = round_trip(200, {std::string(name) + ": v\r\n"});
    if (fields.size() == 1) continue;  // of a connection
    std::string lower(name);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    EXPECT_EQ(fields[1].first, lower);
  }
}

TEST(HeadMemoTest, GivesWhatTheTextSaysNowHoweverOftenItWasAsked) {
  HeadMemo memo;
  std::string text = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX-Long: " + std::string(150, 'v') + "\r\n";
  for (const char tag : {'1', '1', '2', '2', '1'}) {
    text[24] = tag;
    std::string out(1000, '\0');
    std::string expected(1000, '\0');
    char* const end = memo.encode(out.data(), text);
    char* const expected_end = encode_lines(expected.data(), text);
    EXPECT_EQ(std::string_view(out.data(), end), std::string_view(expected.data(), expected_end));
    EXPECT_NE(std::string_view(out.data(), end).find(std::string{'"', tag, '"'}), std::string_view::npos);
  }
}

class HeadDecoderTest : public ::testing::Test {
 protected:
  HeadOutcome decode(const testing::FieldLines& fields, bool ends = true) {
    arena_.clear();
    decoder_.begin_request(head_, arena_);
    block_ = testing::encode(fields);
    // In two parts, as a CONTINUATION would bring it.
    EXPECT_EQ(decoder_.feed(std::string_view(block_).substr(0, block_.size() / 2), false), HeadDecoder::Fed::kOk);
    EXPECT_EQ(decoder_.feed(std::string_view(block_).substr(block_.size() / 2), true), HeadDecoder::Fed::kOk);
    return decoder_.finish(ends);
  }

  HeadDecoder decoder_{http::RequestRules{}};
  TextArena arena_;
  http::RequestHead head_;
  std::string block_;
};

TEST_F(HeadDecoderTest, ReadsARequest) {
  const HeadOutcome outcome =
      decode(testing::request("/a/b?c=d", "PATCH", {{"content-length", "12"}, {"priority", "u=1, i"}}), false);
  EXPECT_FALSE(outcome.is_malformed);
  EXPECT_EQ(head_.method, http::Method::kPatch);
  EXPECT_EQ(head_.path, "/a/b");
  EXPECT_EQ(head_.query, "c=d");
  EXPECT_TRUE(head_.has_query);
  EXPECT_EQ(head_.host, "example.org");
  EXPECT_EQ(head_.framing, http::Framing::kLength);
  EXPECT_EQ(head_.content_length, 12U);
  EXPECT_EQ(head_.version, http::Version::kHttp2);
  EXPECT_EQ(decoder_.priority(), "u=1, i");
}

TEST_F(HeadDecoderTest, TakesBodiesOfUnknownLengthAndMethodsNobodyKnows) {
  EXPECT_FALSE(decode(testing::request("*", "OPTIONS"), false).is_malformed);
  EXPECT_EQ(head_.form, http::TargetForm::kAsterisk);
  EXPECT_EQ(head_.framing, http::Framing::kChunked);
  EXPECT_FALSE(decode(testing::request("/", "PURGE")).is_malformed);
  EXPECT_EQ(head_.method_text, "PURGE");
  EXPECT_FALSE(decode({{":method", "CONNECT"}, {":authority", "example.org:443"}}).is_malformed);
  EXPECT_EQ(head_.form, http::TargetForm::kAuthority);
  EXPECT_EQ(head_.port, 443);
  EXPECT_TRUE(decode({{":method", "CONNECT"}, {":authority", "example.org"}}).is_malformed);
  EXPECT_TRUE(decode(testing::request("/", "CONNECT")).is_malformed);
}

TEST_F(HeadDecoderTest, KeepsItsTableThroughBlocksNobodyWants) {
  // A field put into the table by a discarded block is referred to by the next.
  const std::string first = std::string("\x40\x03x-y\x01z", 7);
  decoder_.begin_discarded();
  EXPECT_EQ(decoder_.feed(first, true), HeadDecoder::Fed::kOk);
  EXPECT_FALSE(decoder_.finish(true).is_malformed);
  decoder_.begin_request(head_, arena_);
  EXPECT_EQ(decoder_.feed(testing::encode(testing::request("/")), false), HeadDecoder::Fed::kOk);
  EXPECT_EQ(decoder_.feed("\xbe", true), HeadDecoder::Fed::kOk);
  EXPECT_FALSE(decoder_.finish(true).is_malformed);
  const http::Field* field = head_.fields.find("x-y");
  ASSERT_NE(field, nullptr);
  EXPECT_EQ(field->value, "z");
}

TEST_F(HeadDecoderTest, RefusesATableSizeThatComesLate) {
  for (const std::size_t split : {0U, 1U, 2U}) {
    HeadDecoder decoder{http::RequestRules{}};
    decoder.begin_request(head_, arena_);
    const std::string_view block("\x82\x84\x20", 3);
    EXPECT_EQ(decoder.feed(block.substr(0, split), false), HeadDecoder::Fed::kOk);
    EXPECT_EQ(decoder.feed(block.substr(split), true), HeadDecoder::Fed::kBroken) << split;
  }
}

TEST_F(HeadDecoderTest, TellsBlocksThatAreNoHpack) {
  for (const std::string_view block : {std::string_view("\x80"), std::string_view("\xff\xff\xff\xff\xff\xff"),
                                       std::string_view("\x40\x05x"), std::string_view("\x3f\xe1\x7f")}) {
    HeadDecoder decoder{http::RequestRules{}};
    decoder.begin_request(head_, arena_);
    EXPECT_EQ(decoder.feed(block, true), HeadDecoder::Fed::kBroken);
  }
}

}  // namespace
}  // namespace yz::net::h2
