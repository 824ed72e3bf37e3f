#include "http/chunked.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace yz::http {
namespace {

struct Decoded {
  ChunkedDecoder::State state = ChunkedDecoder::State::kMore;
  std::size_t consumed = 0;
  std::string data;
};

Decoded decode(std::string_view input, std::size_t piece) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < input.size() && out.state == ChunkedDecoder::State::kMore) {
    const auto step = decoder.decode(input.substr(out.consumed, piece));
    out.consumed += step.consumed;
    out.data += step.data;
    out.state = step.state;
  }
  return out;
}

TEST(ChunkedDecoder, DecodesWhateverTheCuts) {
  const std::string body =
      "4\r\nWiki\r\nA;name=value;q=\"a\\\"b;\"\r\npedia in c\r\n05\r\nhunks\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n";
  for (std::size_t piece = 1; piece <= body.size() + 4; ++piece) {
    const auto out = decode(body + "NEXT", piece);
    ASSERT_EQ(out.state, ChunkedDecoder::State::kDone) << piece;
    EXPECT_EQ(out.data, "Wikipedia in chunks");
    EXPECT_EQ(out.consumed, body.size());
  }
}

TEST(ChunkedDecoder, RefusesEachSmugglingVector) {
  const std::vector<std::string> bad = {
      "0_2e\r\n",
      "0x5\r\nhello\r\n",
      "+5\r\nhello\r\n",
      "-1\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "\r\n",
      ";a\r\n",
      "5\nhello\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhelloX\r\n",
      "5\r\nhello0\r\n\r\n",
      "5;a\rb\r\nhello\r\n",
      "5;a\nb\r\nhello\r\n",
      "5; a\r\nhello\r\n",
      "5;\x01\r\nhello\r\n",
      "10000000000000005\r\n",
      "fffffffffffffffff\r\n",
      "ffffffffffffffff\r\n",
      "8000000000000000\r\n",
      "0\r\nBad Name: x\r\n\r\n",
      "0\r\n: x\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\n folded\r\n\r\n",
      "0\r\n\rX",
      "5;" + std::string(300, 'a') + "\r\n",
      "0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n",
  };
  for (const auto& body : bad) EXPECT_EQ(decode(body, 64).state, ChunkedDecoder::State::kBad) << body.substr(0, 40);
}

TEST(ChunkedDecoder, BoundsExtensionsOverTheWholeBody) {
  std::string body;
  for (int i = 0; i < 300; ++i) body += "1;e\r\nx\r\n";
  EXPECT_EQ(decode(body, body.size()).state, ChunkedDecoder::State::kBad);
}

TEST(ChunkHead, WritesPlainHexadecimal) {
  EXPECT_EQ(ChunkHead(1).text(), "1\r\n");
  EXPECT_EQ(ChunkHead(0x1a2b).text(), "1a2b\r\n");
  EXPECT_EQ(ChunkHead(UINT64_MAX).text(), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace yz::http
