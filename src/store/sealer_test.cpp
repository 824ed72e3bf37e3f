#include "store/sealer.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace yz::store {
namespace {

const Sealer kSealer(std::string(Sealer::kKeyBytes, 'k'));

TEST(Sealer, OpensWhatItSealed) {
  for (const std::string& text : {std::string(), std::string("secret"), std::string(100'000, '\0')}) {
    const std::string sealed = kSealer.seal("totp", text);
    EXPECT_TRUE(Sealer::is_sealed(sealed));
    EXPECT_EQ(kSealer.open("totp", sealed), text);
  }
}

TEST(Sealer, ShowsNothingAndNeverTheSameTwice) {
  const std::string sealed = kSealer.seal("totp", "secret");
  EXPECT_EQ(sealed.find(to_base64url("secret")), std::string::npos);
  EXPECT_NE(sealed, kSealer.seal("totp", "secret"));
}

TEST(Sealer, RefusesAnotherKeyAnotherContextAndEveryChange) {
  const std::string sealed = kSealer.seal("totp", "secret");
  EXPECT_EQ(Sealer(std::string(Sealer::kKeyBytes, 'x')).open("totp", sealed).error().code, Code::kPermission);
  EXPECT_EQ(Sealer().open("totp", sealed).error().code, Code::kPermission);
  EXPECT_EQ(kSealer.open("resource", sealed).error().code, Code::kPermission);
  const std::string bytes = *from_base64url(std::string_view(sealed).substr(3));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(kSealer.open("totp", "s1." + to_base64url(changed))) << i;
    EXPECT_FALSE(kSealer.open("totp", "s1." + to_base64url(bytes.substr(0, i)))) << i;
  }
}

TEST(Sealer, ReadsWhatWasStoredOpen) {
  EXPECT_EQ(kSealer.open("totp", to_base64url("old")), "old");
  const Sealer open;
  EXPECT_EQ(open.open("totp", open.seal("totp", "old")), "old");
  EXPECT_FALSE(Sealer::is_sealed(open.seal("totp", "old")));
}

}  // namespace
}  // namespace yz::store
