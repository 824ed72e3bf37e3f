#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "net/h2/hpack_decoder.h"
#include "net/h2/hpack_oracle.h"

using namespace yz::net::h2;  // NOLINT(google-build-using-namespace)

/// Blocks of one connection, each behind its length and the place where it is cut in two: ours finds the fields that
/// libnghttp2 finds, and what is broken for one is broken for the other.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLongest = 60'000;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HpackDecoder decoder(kLongest, false);
  testing::HpackOracle oracle;
  while (bytes.size() >= 2) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0]));
    const auto cut = static_cast<std::size_t>(static_cast<unsigned char>(bytes[1]));
    const std::string_view block = bytes.substr(2, length);
    bytes.remove_prefix(2 + block.size());
    const auto expected = oracle.decode(block);
    testing::HpackOracle::Fields found;
    const auto take = [&](const HpackField& field) {
      YZ_ASSERT(field.traits.pseudo == traits_of(field.name).pseudo && field.traits.id == traits_of(field.name).id);
      found.emplace_back(field.name, field.value);
      return true;
    };
    decoder.begin();
    auto fed = decoder.feed(block.substr(0, cut), cut >= block.size(), take);
    if (fed == HpackDecoder::Fed::kOk && cut < block.size()) fed = decoder.feed(block.substr(cut), true, take);
    if (fed == HpackDecoder::Fed::kTooLarge) return 0;
    YZ_ASSERT((fed == HpackDecoder::Fed::kOk) == expected.has_value());
    if (!expected) return 0;
    YZ_ASSERT(found == *expected);
  }
  return 0;
}
