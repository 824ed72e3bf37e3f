#include "model/config_snapshot.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "model/sample_snapshot.h"

namespace yz::model {
namespace {

TEST(ConfigSnapshot, HashChangesWithEveryFieldAndSequence) {
  const ConfigSnapshot s = sample_snapshot();
  ConfigSnapshot t = s;
  Domain d = *t.domains.find({1});
  d.correction = true;
  t.put(d, {1});
  EXPECT_NE(t.content_hash(), s.content_hash());
  ConfigSnapshot u = s;
  u.put(*s.domains.find({1}), {2});
  EXPECT_NE(u.content_hash(), s.content_hash());
}

TEST(ConfigSnapshot, CopiesShareUnchangedResources) {
  const ConfigSnapshot s = sample_snapshot();
  const ConfigSnapshot copy = s;
  EXPECT_EQ(copy.domains.find({1}), s.domains.find({1}));
}

TEST(ConfigSnapshot, FindsDomainsByNameAndAlias) {
  const ConfigSnapshot s = sample_snapshot();
  ASSERT_NE(s.find_domain("a.com"), nullptr);
  EXPECT_EQ(s.find_domain("a.com"), s.find_domain("www.a.com"));
  EXPECT_EQ(s.find_domain("b.com"), nullptr);
}

TEST(Delta, LeadsFromOneSnapshotToTheOther) {
  const ConfigSnapshot from = sample_snapshot();
  ConfigSnapshot to = from;
  Domain d = *to.domains.find({1});
  d.id = {2}, d.name = "img.a.com", d.aliases.clear();
  to.put(d, {2});
  to.remove({ResourceKind::kNode, 4}, {3});
  const ConfigDelta delta = diff(from, to);
  EXPECT_EQ(delta.upserts.size(), 1u);
  EXPECT_EQ(delta.removals, (std::vector<ResourceKey>{{ResourceKind::kNode, 4}}));
  const auto result = apply(from, delta);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(*result, to);
}

TEST(Delta, RandomHistoriesApplyStepByStepAndAtOnce) {
  Random random(7);
  ConfigSnapshot now = sample_snapshot();
  const ConfigSnapshot first = now;
  ConfigSnapshot follower = now;
  for (std::uint64_t seq = 2; seq < 200; ++seq) {
    const ConfigSnapshot before = now;
    const std::uint64_t id = 1 + random.below(20);
    if (random.below(3) == 0) {
      now.remove({ResourceKind::kDomain, id}, {seq});
    } else {
      Domain d = *sample_snapshot().domains.find({1});
      d.id = {id}, d.version = seq;
      now.put(d, {seq});
    }
    const auto next = apply(follower, diff(before, now));
    ASSERT_TRUE(next) << next.error().message;
    follower = *next;
  }
  EXPECT_EQ(follower, now);
  const auto at_once = apply(first, diff(first, now));
  ASSERT_TRUE(at_once);
  EXPECT_EQ(*at_once, now);
}

TEST(Delta, RefusesAnotherBaseAndAWrongHash) {
  const ConfigSnapshot from = sample_snapshot();
  ConfigSnapshot to = from;
  to.remove({ResourceKind::kNode, 4}, {2});
  ConfigDelta delta = diff(from, to);
  EXPECT_EQ(apply(to, delta).error().code, Code::kConflict);
  delta.result_hash[0] = static_cast<char>(delta.result_hash[0] ^ 1);
  EXPECT_EQ(apply(from, delta).error().code, Code::kCorrupt);
}

TEST(EffectiveSeq, IsTheNewestOfDomainOriginsAndCertificate) {
  ConfigSnapshot s = sample_snapshot();
  EXPECT_EQ(effective_seq(s, {1}), ConfigSeq{1});
  s.put(*s.policies.find({1}), {5});
  EXPECT_EQ(effective_seq(s, {1}), ConfigSeq{1});
  s.put(*s.origin_groups.find({1}), {6});
  EXPECT_EQ(effective_seq(s, {1}), ConfigSeq{6});
  EXPECT_EQ(effective_seq(s, {99}), ConfigSeq{});
}

TEST(ResourceKey, PrintsKindAndId) {
  EXPECT_EQ(to_string(ResourceKey{ResourceKind::kNodeGroup, 3}), "node_group/3");
  EXPECT_EQ(to_string(ResourceKey{}), "settings");
}

}  // namespace
}  // namespace yz::model
