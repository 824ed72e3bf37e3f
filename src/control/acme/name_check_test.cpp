#include "control/acme/name_check.h"

#include <gtest/gtest.h>

#include "model/sample_snapshot.h"

namespace yz::control {
namespace {

using model::ChallengeKind;

/// Tenant 1 has www.a.com and a.com; tenant 2 has shop.b.com; tenant 1 has cdn.b.com too.
model::ConfigSnapshot world() {
  model::ConfigSnapshot out = model::sample_snapshot();
  const auto domain = [&](std::uint64_t id, std::uint64_t tenant, const char* name) {
    model::Domain made = *out.domains.find({1});
    made.id = {id}, made.tenant = {tenant}, made.name = name, made.aliases = {};
    out.put(made, {1});
  };
  domain(2, 2, "shop.b.com");
  domain(3, 1, "cdn.b.com");
  domain(4, 1, "x.c.com");
  return out;
}

TEST(NameCheck, TakesTheTenantsOwnHosts) {
  EXPECT_TRUE(problems_of_names(world(), {1}, {"www.a.com", "a.com"}, ChallengeKind::kHttp).empty());
  EXPECT_TRUE(problems_of_names(world(), {1}, {"*.a.com", "a.com"}, ChallengeKind::kDns).empty());
  EXPECT_TRUE(problems_of_names(world(), {1}, {"*.c.com"}, ChallengeKind::kDns).empty());
}

TEST(NameCheck, RefusesEachWrongNameWithItsPlace) {
  struct Case {
    std::vector<std::string> names;
    ChallengeKind challenge;
    const char* pointer;
    const char* says;
  };
  const Case kCases[] = {
      {{}, ChallengeKind::kHttp, "/names", "at least one"},
      {{"www.a.com", "WWW.a.com"}, ChallengeKind::kHttp, "/names/1", "lower case"},
      {{"a.com", "a.com"}, ChallengeKind::kHttp, "/names/1", "twice"},
      {{"*.a.com"}, ChallengeKind::kHttp, "/names/0", "dns-01 only"},
      {{"*.*.a.com"}, ChallengeKind::kDns, "/names/0", "lower case"},
      {{"localhost"}, ChallengeKind::kHttp, "/names/0", "host name"},
      {{"192.0.2.1"}, ChallengeKind::kHttp, "/names/0", "host name"},
      {{"other.com"}, ChallengeKind::kHttp, "/names/0", "no domain of this tenant"},
      {{"shop.b.com"}, ChallengeKind::kHttp, "/names/0", "another tenant"},
      {{"*.b.com"}, ChallengeKind::kDns, "/names/0", "another tenant"},
      {{"*.d.com"}, ChallengeKind::kDns, "/names/0", "covers no domain"},
  };
  for (const Case& c : kCases) {
    const auto wrong = problems_of_names(world(), {1}, c.names, c.challenge);
    ASSERT_EQ(wrong.size(), 1U) << c.says;
    EXPECT_EQ(wrong[0].pointer, c.pointer);
    EXPECT_NE(wrong[0].message.find(c.says), std::string::npos) << wrong[0].message;
  }
}

TEST(BlockedName, IsOneInTheListOrBelowIt) {
  const std::vector<std::string> blocked{"corp.example", "bad.com"};
  EXPECT_EQ(blocked_name({"ok.com", "x.corp.example"}, blocked), "x.corp.example");
  EXPECT_EQ(blocked_name({"*.bad.com"}, blocked), "*.bad.com");
  EXPECT_EQ(blocked_name({"notbad.com"}, blocked), "");
}

}  // namespace
}  // namespace yz::control
