#include "gslb/zone_builder.h"

#include <gtest/gtest.h>

#include "gslb/test_world.h"

namespace yz::gslb {
namespace {

model::Challenge challenge(std::uint64_t id, model::ChallengeKind kind, const std::string& value) {
  model::Challenge out;
  out.id = {id};
  out.name = "order/1/" + value;
  out.kind = kind;
  out.host = "www.a.com";
  out.token = value;
  out.value = value;
  return out;
}

const dns::RrSet* text_at(const Zones& zones, std::string_view name) {
  const dns::ZoneNode* node = zones.authority->zones().front().find(*dns::Name::parse(name));
  return node == nullptr ? nullptr : node->find(dns::Type::kTxt);
}

TEST(Zones, AnswerTheChallengesOfTheHostsThatDelegateToUs) {
  model::ConfigSnapshot config = test::config();
  config.put(challenge(1, model::ChallengeKind::kDns, "first"), {2});
  config.put(challenge(2, model::ChallengeKind::kDns, "second"), {3});  // a.com and *.a.com are asked for at one name
  config.put(challenge(3, model::ChallengeKind::kHttp, "third"), {4});
  const auto zones = build_zones(config, "test");
  ASSERT_TRUE(zones);
  const dns::RrSet* found = text_at(**zones, "_acme-challenge.www.a.com.cdn.test");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->data, (std::vector<std::string>{"\x05"
                                                   "first",
                                                   "\x06"
                                                   "second"}));
  EXPECT_EQ(found->ttl, 1U);

  const auto without = build_zones(test::config(), "test");
  EXPECT_EQ(text_at(**without, "_acme-challenge.www.a.com.cdn.test"), nullptr);
}

TEST(Zones, LeaveOutAChallengeWhoseNameIsTooLong) {
  model::ConfigSnapshot config = test::config();
  model::Challenge one = challenge(1, model::ChallengeKind::kDns, "value");
  one.host =
      std::string(60, 'a') + '.' + std::string(60, 'b') + '.' + std::string(60, 'c') + '.' + std::string(50, 'd');
  config.put(one, {2});
  EXPECT_TRUE(build_zones(config, "test"));
}

}  // namespace
}  // namespace yz::gslb
