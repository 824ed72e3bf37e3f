#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace yz {
namespace {

TEST(Hash, Crc32cGivesTheValueOfItsDefinition) { EXPECT_EQ(crc32c("123456789"), 0xe3069283U); }

TEST(Hash, Crc32cContinues) { EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283U); }

TEST(Hash, Crc32cIsTheSameWhereverItIsSplit) {
  std::string data;
  for (int i = 0; i < 100; ++i) data += static_cast<char>(i * 37);
  const std::uint32_t whole = crc32c(data);
  for (std::size_t at = 0; at <= data.size(); ++at) {
    EXPECT_EQ(crc32c(std::string_view(data).substr(at), crc32c(std::string_view(data).substr(0, at))), whole);
  }
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720 §B.4
}

TEST(Hash, Sha256GivesTheValueOfFips180) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, HmacGivesTheValueOfRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hash, ConstantTimeCompareTellsLengthsApart) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
}

}  // namespace
}  // namespace yz
