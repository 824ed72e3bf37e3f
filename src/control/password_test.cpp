#include "control/password.h"

#include <gtest/gtest.h>

namespace yz::control {
namespace {

TEST(Password, IsKnownByItsHashOnly) {
  const std::string hash = hash_password("correct horse battery");
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_EQ(hash.find("horse"), std::string::npos);
  EXPECT_TRUE(verify_password(hash, "correct horse battery"));
  EXPECT_FALSE(verify_password(hash, "correct horse batterz"));
  EXPECT_FALSE(verify_password(hash, ""));
}

TEST(Password, OfTwoUsersWithOneHasTwoHashes) {
  EXPECT_NE(hash_password("the same one"), hash_password("the same one"));
}

TEST(Password, TextThatIsNoHashMatchesNothing) {
  for (const char* hash : {"", "x", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$$", "$argon2i$v=19$m=8,t=1,p=1$AA$AA"}) {
    EXPECT_FALSE(verify_password(hash, "")) << hash;
    EXPECT_TRUE(is_outdated_hash(hash)) << hash;
  }
  EXPECT_FALSE(verify_nobody(""));
}

TEST(Password, WithOtherParametersIsMadeAnew) {
  EXPECT_FALSE(is_outdated_hash(hash_password("something")));
  EXPECT_TRUE(is_outdated_hash("$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaA"));
}

TEST(Password, NeedsLengthAndNothingElse) {
  EXPECT_FALSE(check_password("123456789"));
  EXPECT_TRUE(check_password("1234567890"));
  EXPECT_TRUE(check_password("口令口令"));
  EXPECT_FALSE(check_password(std::string(600, 'a')));
  EXPECT_FALSE(check_password("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_TRUE(check_password(make_password()));
  EXPECT_NE(make_password(), make_password());
}

}  // namespace
}  // namespace yz::control
