#include "control/totp.h"

#include <set>

#include <gtest/gtest.h>

namespace yz::control {
namespace {

constexpr std::string_view kSecret = "12345678901234567890";

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(Totp, FollowsRfc6238) {
  // Appendix B, SHA-1, the last six of its eight digits.
  const std::pair<std::int64_t, const char*> vectors[] = {{59, "287082"},         {1111111109, "081804"},
                                                          {1111111111, "050471"}, {1234567890, "005924"},
                                                          {2000000000, "279037"}, {20000000000, "353130"}};
  for (const auto& [time, code] : vectors) EXPECT_EQ(totp_code(kSecret, totp_step(at(time))), code) << time;
}

TEST(Totp, TakesTheNeighboursOfThePresentStepAndNoOther) {
  const WallTime now = at(1'700'000'010);
  const std::uint64_t present = totp_step(now);
  for (const std::uint64_t step : {present - 1, present, present + 1}) {
    EXPECT_EQ(match_totp(kSecret, totp_code(kSecret, step), now, 0), step);
  }
  for (const std::uint64_t step : {present - 2, present + 2}) {
    EXPECT_FALSE(match_totp(kSecret, totp_code(kSecret, step), now, 0));
  }
  for (const char* code : {"", "12345", "1234567", "abcdef"}) EXPECT_FALSE(match_totp(kSecret, code, now, 0));
}

TEST(Totp, ACodeIsGoodOnce) {
  const WallTime now = at(1'700'000'010);
  const std::uint64_t present = totp_step(now);
  EXPECT_FALSE(match_totp(kSecret, totp_code(kSecret, present), now, present));
  EXPECT_TRUE(match_totp(kSecret, totp_code(kSecret, present + 1), now, present));
}

TEST(Totp, TellsAuthenticatorsInTheirWords) {
  EXPECT_EQ(to_base32(""), "");
  EXPECT_EQ(to_base32("f"), "MY");
  EXPECT_EQ(to_base32("foobar"), "MZXW6YTBOI");  // RFC 4648 §10
  EXPECT_EQ(totp_uri(kSecret, "ann+1@example.com"),
            "otpauth://totp/Yizhan:ann%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Yizhan");
}

TEST(RecoveryCodes, AreManyDifferentAndReadHoweverTheyAreTyped) {
  const auto codes = make_recovery_codes();
  EXPECT_EQ(std::set<std::string>(codes.begin(), codes.end()).size(), kRecoveryCodes);
  EXPECT_EQ(codes.front().size(), 19U);
  EXPECT_EQ(recovery_code_hash("abcd-efgh-ijkl-mnop"), recovery_code_hash(" ABCDEFGH ijkl-mnop "));
  EXPECT_NE(recovery_code_hash("abcd-efgh-ijkl-mnop"), recovery_code_hash("abcd-efgh-ijkl-mnoq"));
}

}  // namespace
}  // namespace yz::control
