#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/h2/hpack_decoder.h"
#include "net/h2/hpack_oracle.h"
#include "net/h2/huffman.h"

namespace yz::net::h2 {
namespace {

using Fields = testing::HpackOracle::Fields;

constexpr std::size_t kLongest = 64 * 1024;

/// libnghttp2's encoder, its table as large as ours.
class Encoder {
 public:
  Encoder() { nghttp2_hd_deflate_new(&deflater_, HpackTable::kMaxSize); }
  ~Encoder() { nghttp2_hd_deflate_del(deflater_); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void resize(std::size_t size) { nghttp2_hd_deflate_change_table_size(deflater_, size); }
  [[nodiscard]] std::string encode(const Fields& fields) {
    std::vector<nghttp2_nv> lines;
    for (const auto& [name, value] : fields) {
      lines.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                       reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                       NGHTTP2_NV_FLAG_NONE});
    }
    std::string out(nghttp2_hd_deflate_bound(deflater_, lines.data(), lines.size()), '\0');
    const auto size = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(out.data()), out.size(),
                                            lines.data(), lines.size());
    EXPECT_GE(size, 0);
    out.resize(static_cast<std::size_t>(size));
    return out;
  }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
};

/// The fields of a block that comes in parts, each up to the next of `cuts`; none when it is no HPACK.
std::optional<Fields> decode(HpackDecoder& decoder, std::string_view block, const std::vector<std::size_t>& cuts = {}) {
  Fields out;
  const auto take = [&](const HpackField& field) {
    EXPECT_EQ(field.traits.id, traits_of(field.name).id);
    out.emplace_back(field.name, field.value);
    return true;
  };
  decoder.begin();
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    if (decoder.feed(block.substr(at, cut - at), false, take) != HpackDecoder::Fed::kOk) return std::nullopt;
    at = cut;
  }
  if (decoder.feed(block.substr(at), true, take) != HpackDecoder::Fed::kOk) return std::nullopt;
  return out;
}

std::string text_of(std::mt19937& random, std::size_t longest) {
  std::string out(random() % (longest + 1), '\0');
  const bool is_plain = random() % 4 != 0;
  for (char& c : out) c = static_cast<char>(is_plain ? 'a' + random() % 26 : random());
  return out;
}

TEST(HpackTest, ReadsTheExamplesOfTheRfc) {
  // RFC 7541 §C.4: three requests on one connection, Huffman coded.
  HpackDecoder decoder(kLongest, false);
  const Fields first = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "www.example.com"}};
  EXPECT_EQ(decode(decoder, "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), first);
  Fields second = first;
  second.emplace_back("cache-control", "no-cache");
  EXPECT_EQ(decode(decoder, "\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"), second);
  const Fields third = {{":method", "GET"},
                        {":scheme", "https"},
                        {":path", "/index.html"},
                        {":authority", "www.example.com"},
                        {"custom-key", "custom-value"}};
  EXPECT_EQ(decode(decoder,
                   "\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"),
            third);
}

TEST(HpackTest, ReadsWhatAnotherEncoderWritesHoweverItIsCut) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    Encoder encoder;
    HpackDecoder decoder(kLongest, false);
    std::vector<Fields::value_type> known;
    for (int block = 0; block < 60; ++block) {
      if (random() % 10 == 0) encoder.resize(random() % (HpackTable::kMaxSize + 1));
      Fields fields;
      for (std::size_t i = random() % 12; i > 0; --i) {
        if (known.empty() || random() % 2 == 0) known.emplace_back(text_of(random, 20), text_of(random, 300));
        fields.push_back(known[random() % known.size()]);
        if (random() % 4 == 0) fields.back().second = text_of(random, 3000);
      }
      const std::string coded = encoder.encode(fields);
      std::vector<std::size_t> cuts;
      for (std::size_t at = 0; random() % 3 != 0;) cuts.push_back(at += random() % (coded.size() - at + 1));
      ASSERT_EQ(decode(decoder, coded, cuts), fields) << seed << " " << block;
    }
  }
}

TEST(HpackTest, AgreesWithAnotherDecoderAboutBlocksThatWereChanged) {
  int broken = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    Encoder encoder;
    HpackDecoder decoder(kLongest, false);
    testing::HpackOracle oracle;
    for (int block = 0; block < 3; ++block) {
      Fields fields;
      for (std::size_t i = random() % 6; i > 0; --i) fields.emplace_back(text_of(random, 8), text_of(random, 30));
      std::string coded = encoder.encode(fields);
      for (std::size_t i = random() % 3; i > 0 && !coded.empty(); --i) {
        coded[random() % coded.size()] = static_cast<char>(random());
      }
      const auto expected = oracle.decode(coded);
      ASSERT_EQ(decode(decoder, coded), expected) << seed << " " << block;
      if (!expected && ++broken > 0) break;
    }
  }
  EXPECT_GT(broken, 500);
}

TEST(HpackTest, TakesNoTextLongerThanItMay) {
  HpackDecoder decoder(100, false);
  const auto take = [](const HpackField&) { return true; };
  decoder.begin();
  EXPECT_EQ(decoder.feed(std::string("\x00\x01x\x64", 4) + std::string(100, 'v'), true, take), HpackDecoder::Fed::kOk);
  decoder.begin();
  EXPECT_EQ(decoder.feed(std::string_view("\x00\x01x\x65", 4), false, take), HpackDecoder::Fed::kTooLarge);
}

TEST(HpackTest, RefusesATableLargerThanAllowed) {
  HpackDecoder decoder(kLongest, false);
  EXPECT_TRUE(decode(decoder, "\x3f\xe1\x1f").has_value()) << "4096";
  EXPECT_FALSE(decode(decoder, "\x3f\xe2\x1f").has_value()) << "4097";
}

TEST(HuffmanTest, RefusesPaddingThatIsNone) {
  std::string room(100, '\0');
  const auto reads = [&](std::string_view coded) { return decode_huffman(coded, room.data()) != nullptr; };
  EXPECT_TRUE(reads(""));
  EXPECT_TRUE(reads("\x07")) << "'0' and three ones";
  EXPECT_FALSE(reads(std::string_view("\x00", 1))) << "'0' and three zeros";
  EXPECT_FALSE(reads("\x07\xff")) << "eleven ones";
  EXPECT_FALSE(reads("\xff\xff\xff\xff")) << "the end-of-string symbol";
  EXPECT_FALSE(reads("\xff\xff\xfa")) << "a code cut off";
}

}  // namespace
}  // namespace yz::net::h2
