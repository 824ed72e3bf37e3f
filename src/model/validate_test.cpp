#include "model/validate.h"

#include <gtest/gtest.h>

#include "model/sample_snapshot.h"

namespace yz::model {
namespace {

bool names(const Problems& problems, std::string_view pointer) {
  for (const Problem& p : problems) {
    if (p.pointer == pointer) return true;
  }
  return false;
}

TEST(Validate, TheSampleIsValid) { EXPECT_EQ(validate(sample_snapshot()), Problems{}); }

TEST(Validate, FindsReferencesThatLeadNowhere) {
  ConfigSnapshot s = sample_snapshot();
  s.remove({ResourceKind::kOriginGroup, 1}, {2});
  s.remove({ResourceKind::kNodeGroup, 3}, {2});
  const Problems p = validate(s);
  EXPECT_TRUE(names(p, "/domains/1/origin_group"));
  EXPECT_TRUE(names(p, "/nodes/3/group"));
  EXPECT_TRUE(names(p, "/node_groups/1/parent_group"));
}

TEST(Validate, FindsHostsClaimedTwice) {
  ConfigSnapshot s = sample_snapshot();
  Domain d = *s.domains.find({1});
  d.id = {2}, d.name = "b.com", d.aliases = {"www.a.com"};
  s.put(d, {2});
  EXPECT_TRUE(names(validate(s), "/domains/2/aliases/0"));
}

TEST(Validate, FindsValuesOutOfBounds) {
  Policy policy;
  policy.name = "p", policy.answers = 9, policy.degraded_ttl = std::chrono::seconds(600);
  const Problems p = validate(Resource{policy});
  EXPECT_TRUE(names(p, "/answers"));
  EXPECT_TRUE(names(p, "/degraded_ttl"));
  OriginGroup odd;
  odd.fall = 0, odd.health_path = "no slash", odd.finish_percent = 101, odd.auth = OriginAuth::kAwsV4;
  odd.set_headers = {{"Transfer-Encoding", "chunked"}, {"X-A", "b\r\nEvil: 1"}}, odd.remove_headers = {"a b"};
  odd.ca_pem = "not pem";
  for (const char* at : {"/fall", "/health_path", "/finish_percent", "/auth_key", "/auth_region", "/set_headers/0/name",
                         "/set_headers/1/value", "/remove_headers/0", "/ca_pem"}) {
    EXPECT_TRUE(names(validate(Resource{odd}), at)) << at;
  }
  OriginGroup empty;
  empty.name = "o";
  EXPECT_TRUE(names(validate(Resource{empty}), "/origins"));
}

TEST(Validate, APreloadedDomainHasWhatTheListsAskFor) {
  Domain d = *sample_snapshot().domains.find({1});
  d.https.hsts = {std::chrono::hours(24 * 365), true, true};
  EXPECT_EQ(validate(Resource{d}), Problems{});
  d.https.hsts.include_subdomains = false;
  EXPECT_TRUE(names(validate(Resource{d}), "/https/hsts/preload"));
  Node n = *sample_snapshot().nodes.find({1});
  n.https_port = n.http_port;
  EXPECT_TRUE(names(validate(Resource{n}), "/https_port"));
}

TEST(Validate, FindsTwoNodesOnOneEndpoint) {
  ConfigSnapshot s = sample_snapshot();
  Node n = *s.nodes.find({1});
  n.id = {9};
  s.put(n, {2});
  EXPECT_TRUE(names(validate(s), "/nodes/9/addresses/0"));
}

TEST(ValidateChange, ReportsOnlyWhatTheChangeTouches) {
  ConfigSnapshot s = sample_snapshot();
  Node broken = *s.nodes.find({4});
  broken.addresses.clear();
  s.put(broken, {2});
  EXPECT_EQ(validate_change(s, {ResourceKind::kDomain, 1}), Problems{});
  EXPECT_FALSE(validate_change(s, {ResourceKind::kNode, 4}).empty());
  s.remove({ResourceKind::kPolicy, 1}, {3});
  EXPECT_TRUE(names(validate_change(s, {ResourceKind::kPolicy, 1}), "/domains/1/policy"));
}

}  // namespace
}  // namespace yz::model
