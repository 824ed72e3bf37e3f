#include "store/config_log.h"

#include "store/audit_log.h"
#include "store/domain_store.h"
#include "store/group_store.h"
#include "store/origin_store.h"
#include "store/policy_store.h"
#include "store/settings_store.h"
#include "store/store_test.h"

namespace yz::store {
namespace {

class ConfigLogTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (!HasFatalFailure()) add_basics();
  }
  model::ConfigSnapshot snapshot() {
    return read([](Transaction& tx) { return ConfigLog(tx).snapshot(); });
  }
  model::ConfigSnapshot snapshot_at(model::ConfigSeq seq) {
    return read([&](Transaction& tx) { return ConfigLog(tx).snapshot_at(seq); });
  }
  std::vector<ConfigRecord> roll_back(model::ConfigSeq to, std::optional<model::ResourceKey> only = {}) {
    return write([&](Transaction& tx) { return ConfigLog(tx).roll_back(author(), to, only); });
  }
};
YZ_ON_BOTH_ENGINES(ConfigLogTest);

TEST_P(ConfigLogTest, TheSnapshotIsWhatTheLogLeadsTo) {
  auto a = add_domain("a.com");
  add_domain("b.com");
  a.value.enabled = false;
  write([&](Transaction& tx) { return DomainStore(tx).update(author(), a.value); });
  write([&](Transaction& tx) { return DomainStore(tx).remove(author(), {2}); });
  model::Settings settings;
  settings.cdn_zone = "cdn.example";
  write([&](Transaction& tx) { return SettingsStore(tx).put(author(), settings); });

  const auto present = snapshot();
  EXPECT_EQ(present.seq.value, 7u);
  EXPECT_EQ(present.domains.size(), 1u);
  EXPECT_FALSE(present.domains.find({1})->enabled);
  EXPECT_EQ(present.settings.cdn_zone, "cdn.example");
  EXPECT_EQ(snapshot_at(present.seq), present);

  model::ConfigSnapshot replayed;
  for (const auto& record : read([](Transaction& tx) { return ConfigLog(tx).since({}, 100); })) {
    if (record.resource)
      replayed.put(*record.resource, record.seq);
    else
      EXPECT_TRUE(replayed.remove(record.key, record.seq));
    EXPECT_EQ(snapshot_at(record.seq), replayed) << record.seq.value;
  }
  EXPECT_EQ(replayed, present);
}

TEST_P(ConfigLogTest, RecordsAreFoundByNumberAndByResource) {
  auto a = add_domain("a.com");
  a.value.enabled = false;
  const auto second = write([&](Transaction& tx) { return DomainStore(tx).update(author(), a.value); });
  const auto removed = write([&](Transaction& tx) { return DomainStore(tx).remove(author(), {1}); });
  const model::ResourceKey key{model::ResourceKind::kDomain, 1};
  const auto state = [&](model::ConfigSeq seq) {
    return read([&](Transaction& tx) { return ConfigLog(tx).state_of(key, seq); });
  };
  EXPECT_FALSE(state({a.seq.value - 1}));
  EXPECT_TRUE(std::get<model::Domain>(*state(a.seq)->resource).enabled);
  EXPECT_EQ(state(second.seq)->seq, second.seq);
  EXPECT_FALSE(state(removed));

  EXPECT_EQ(read([&](Transaction& tx) { return ConfigLog(tx).at(second.seq); }).key, key);
  EXPECT_EQ(db().read([](Transaction& tx) { return ConfigLog(tx).at({99}); }).error().code, Code::kNotFound);
  EXPECT_EQ(db().read([](Transaction& tx) { return ConfigLog(tx).snapshot_at({99}); }).error().code, Code::kNotFound);

  const auto newest = read([](Transaction& tx) { return ConfigLog(tx).latest(2); });
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].seq, removed);
  const auto before = read([&](Transaction& tx) { return ConfigLog(tx).latest(10, newest[1].seq); });
  EXPECT_EQ(before.size(), a.seq.value);
}

TEST_P(ConfigLogTest, RollBackBringsTheContentBackAsNewChanges) {
  auto a = add_domain("a.com");
  add_domain("b.com");
  const auto good = snapshot();

  a.value.cache_rules = {{.action = model::CacheAction::kNoStore}};
  write([&](Transaction& tx) { return DomainStore(tx).update(author(), a.value); });
  write([&](Transaction& tx) { return DomainStore(tx).remove(author(), {2}); });
  add_domain("c.com");
  const auto bad = snapshot();

  const auto records = roll_back(good.seq);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records.front().seq.value, bad.seq.value + 1);
  EXPECT_EQ(records.back().seq.value, bad.seq.value + 3);

  const auto after = snapshot();
  EXPECT_EQ(after.seq, records.back().seq);
  EXPECT_TRUE(after.domains.find({1})->cache_rules.empty());
  EXPECT_EQ(after.domains.find({1})->version, 3u);
  EXPECT_EQ(after.domains.find({2})->name, "b.com");
  EXPECT_FALSE(after.domains.contains({3}));
  EXPECT_EQ(snapshot_at(after.seq), after);
  EXPECT_TRUE(read([](Transaction& tx) { return DomainStore(tx).find_host("b.com"); }));
  EXPECT_FALSE(read([](Transaction& tx) { return DomainStore(tx).find_host("c.com"); }));
  EXPECT_EQ(read([](Transaction& tx) { return AuditLog(tx).list({}, {}); }).items.at(0).action, "roll_back");

  EXPECT_TRUE(roll_back(after.seq).empty());
  EXPECT_FALSE(roll_back(bad.seq).empty());
  EXPECT_EQ(snapshot().domains.find({3})->name, "c.com");
}

TEST_P(ConfigLogTest, NamesThatWereSwappedAreSwappedBack) {
  auto a = add_domain("a.com");
  auto b = add_domain("b.com");
  const auto good = snapshot();
  write([&](Transaction& tx) -> Result<int> {
    a.value.name = "parked.com";
    YZ_CHECK(DomainStore(tx).update(author(), a.value));
    b.value.name = "a.com";
    YZ_CHECK(DomainStore(tx).update(author(), b.value));
    a.value.name = "b.com";
    YZ_CHECK(DomainStore(tx).update(author(), a.value));
    return 0;
  });
  roll_back(good.seq);
  EXPECT_EQ(snapshot().domains.find({1})->name, "a.com");
  EXPECT_EQ(read([](Transaction& tx) { return DomainStore(tx).find_host("b.com"); })->value.id, model::DomainId{2});
}

TEST_P(ConfigLogTest, ChainsOfReferencesComeBack) {
  add_domain("a.com");
  write([&](Transaction& tx) -> Result<int> {
    model::NodeGroup parent;
    parent.name = "l2";
    YZ_TRY(const auto l2, GroupStore(tx).create(author(), parent));
    model::NodeGroup child;
    child.name = "l1";
    child.parent_group = l2.value.id;
    YZ_CHECK(GroupStore(tx).create(author(), child));
    return 0;
  });
  const auto good = snapshot();
  write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(DomainStore(tx).remove(author(), {1}));
    YZ_CHECK(OriginStore(tx).remove(author(), {1}));
    YZ_CHECK(PolicyStore(tx).remove(author(), {1}));
    YZ_CHECK(GroupStore(tx).remove(author(), {2}));
    YZ_CHECK(GroupStore(tx).remove(author(), {1}));
    return 0;
  });
  roll_back(good.seq);
  const auto after = snapshot();
  EXPECT_EQ(after.domains.find({1})->origin_group, model::OriginGroupId{1});
  EXPECT_EQ(after.node_groups.find({2})->parent_group, model::NodeGroupId{1});
  EXPECT_EQ(db().write([&](Transaction& tx) { return OriginStore(tx).remove(author(), {1}); }).error().code,
            Code::kConflict);
}

TEST_P(ConfigLogTest, RollBackOfOneResourceLeavesTheOthers) {
  auto a = add_domain("a.com");
  auto b = add_domain("b.com");
  const auto good = snapshot();
  for (auto* stored : {&a, &b}) {
    stored->value.enabled = false;
    write([&](Transaction& tx) { return DomainStore(tx).update(author(), stored->value); });
  }
  EXPECT_EQ(roll_back(good.seq, model::ResourceKey{model::ResourceKind::kDomain, 1}).size(), 1u);
  EXPECT_TRUE(snapshot().domains.find({1})->enabled);
  EXPECT_FALSE(snapshot().domains.find({2})->enabled);
}

TEST_P(ConfigLogTest, WhatIsUsedByAnUnaffectedResourceCannotBeRolledAway) {
  const auto before = snapshot();
  model::OriginGroup group;
  group.tenant = {1};
  group.name = "second";
  write([&](Transaction& tx) { return OriginStore(tx).create(author(), group); });
  auto user = domain("a.com");
  user.origin_group = {2};
  write([&](Transaction& tx) { return DomainStore(tx).create(author(), user); });
  const auto head = snapshot().seq;
  const auto refused = db().write([&](Transaction& tx) {
    return ConfigLog(tx).roll_back(author(), before.seq, model::ResourceKey{model::ResourceKind::kOriginGroup, 2});
  });
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(snapshot().seq, head);
}

}  // namespace
}  // namespace yz::store
