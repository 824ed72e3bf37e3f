#include "store/resource_store.h"

#include "store/audit_log.h"
#include "store/certificate_store.h"
#include "store/config_log.h"
#include "store/domain_store.h"
#include "store/group_store.h"
#include "store/node_store.h"
#include "store/origin_store.h"
#include "store/policy_store.h"
#include "store/settings_store.h"
#include "store/store_test.h"
#include "store/tenant_store.h"

namespace yz::store {
namespace {

class ResourceStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (!HasFatalFailure()) add_basics();
  }
  model::ConfigSeq head() {
    return read([](Transaction& tx) { return ConfigLog(tx).head(); });
  }
  model::NodeGroup add_group(std::string name, model::NodeGroupId parent = {}) {
    return write([&](Transaction& tx) {
             model::NodeGroup group;
             group.name = name;
             group.parent_group = parent;
             return GroupStore(tx).create(author(), group);
           })
        .value;
  }
};
YZ_ON_BOTH_ENGINES(ResourceStoreTest);

TEST_P(ResourceStoreTest, CreateGivesAnIdAVersionAndANumber) {
  const auto before = head();
  const auto stored = add_domain("www.a.com");
  EXPECT_EQ(stored.value.id, model::DomainId{1});
  EXPECT_EQ(stored.version, 1u);
  EXPECT_EQ(stored.value.version, 1u);
  EXPECT_EQ(stored.seq.value, before.value + 1);
  EXPECT_EQ(stored.created, now());
  const auto found = read([&](Transaction& tx) { return DomainStore(tx).get({1}); });
  EXPECT_EQ(found.value, stored.value);
  EXPECT_EQ(found.seq, stored.seq);
}

TEST_P(ResourceStoreTest, EveryMutationIsRowAuditAndLogTogether) {
  auto stored = add_domain("www.a.com");
  advance(std::chrono::seconds(5));
  stored.value.correction = true;
  const auto updated = write([&](Transaction& tx) { return DomainStore(tx).update(author(), stored.value, 1); });
  EXPECT_EQ(updated.version, 2u);
  EXPECT_EQ(updated.value.version, 2u);
  EXPECT_EQ(updated.created, stored.created);
  EXPECT_EQ(updated.updated, now());
  const auto gone = write([&](Transaction& tx) { return DomainStore(tx).remove(author(), {1}, 2); });

  const auto log = read([&](Transaction& tx) { return ConfigLog(tx).since({stored.seq.value - 1}, 10); });
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[0].seq, stored.seq);
  EXPECT_EQ(std::get<model::Domain>(*log[1].resource), updated.value);
  EXPECT_EQ(log[1].actor, "tester");
  EXPECT_EQ(log[2].seq, gone);
  EXPECT_FALSE(log[2].resource);
  EXPECT_EQ(log[2].name, "www.a.com");

  const auto audit = read([](Transaction& tx) { return AuditLog(tx).list({.tenant = {}, .kind = "domain"}, {}); });
  ASSERT_EQ(audit.items.size(), 3u);
  EXPECT_EQ(audit.items[0].action, "delete");
  EXPECT_EQ(audit.items[1].action, "update");
  EXPECT_EQ(audit.items[2].action, "create");
  EXPECT_EQ(audit.items[1].tenant, model::TenantId{1});
  EXPECT_NE(audit.items[1].detail.find("\"before\""), std::string::npos);
}

TEST_P(ResourceStoreTest, ARefusedMutationTakesNoNumber) {
  add_domain("www.a.com");
  const auto before = head();
  const auto refused =
      db().write([&](Transaction& tx) { return DomainStore(tx).create(author(), domain("www.a.com")); });
  EXPECT_EQ(refused.error().code, Code::kAlreadyExists);
  EXPECT_EQ(refused.error().fault, Fault::kClient);
  EXPECT_EQ(head(), before);
  EXPECT_EQ(add_domain("www.b.com").seq.value, before.value + 1);
}

TEST_P(ResourceStoreTest, AnUpdateOfAnotherVersionIsRefused) {
  const auto stored = add_domain("www.a.com");
  const auto update = [&](std::uint64_t expected) {
    return db().write([&](Transaction& tx) { return DomainStore(tx).update(author(), stored.value, expected); });
  };
  EXPECT_TRUE(update(1));
  const auto stale = update(1);
  EXPECT_TRUE(is_version_mismatch(stale.error()));
  EXPECT_EQ(stale.error().code, Code::kConflict);
  EXPECT_TRUE(update(2));
  const auto removal = db().write([&](Transaction& tx) { return DomainStore(tx).remove(author(), {1}, 1); });
  EXPECT_TRUE(is_version_mismatch(removal.error()));
}

TEST_P(ResourceStoreTest, AHostBelongsToOneDomain) {
  auto first = domain("www.a.com");
  first.aliases = {"a.com", "img.a.com"};
  write([&](Transaction& tx) { return DomainStore(tx).create(author(), first); });
  auto second = domain("www.b.com");
  second.aliases = {"img.a.com"};
  const auto refused = db().write([&](Transaction& tx) { return DomainStore(tx).create(author(), second); });
  EXPECT_EQ(refused.error().code, Code::kAlreadyExists);
  EXPECT_NE(refused.error().message.find("img.a.com"), std::string::npos);

  const auto by_alias = read([](Transaction& tx) { return DomainStore(tx).find_host("a.com"); });
  ASSERT_TRUE(by_alias);
  EXPECT_EQ(by_alias->value.name, "www.a.com");
  EXPECT_FALSE(read([](Transaction& tx) { return DomainStore(tx).find_host("x.com"); }));

  first.id = {1};
  first.aliases = {"a.com"};
  write([&](Transaction& tx) { return DomainStore(tx).update(author(), first); });
  EXPECT_TRUE(db().write([&](Transaction& tx) { return DomainStore(tx).create(author(), second); }));
}

TEST_P(ResourceStoreTest, WhatIsInUseCannotBeRemoved) {
  add_domain("www.a.com");
  const auto l2 = add_group("l2");
  const auto l1 = add_group("l1", l2.id);
  write([&](Transaction& tx) {
    model::Node node;
    node.name = "n1";
    node.group = l1.id;
    return NodeStore(tx).create(author(), node);
  });
  write([&](Transaction& tx) -> Result<int> {
    model::Policy policy;
    policy.name = "to l2";
    policy.default_groups = {l2.id};
    YZ_CHECK(PolicyStore(tx).create(author(), policy));
    return 0;
  });
  const auto code = [&](auto body) { return db().write(body).error().code; };
  EXPECT_EQ(code([&](Transaction& tx) { return OriginStore(tx).remove(author(), {1}); }), Code::kConflict);
  EXPECT_EQ(code([&](Transaction& tx) { return PolicyStore(tx).remove(author(), {1}); }), Code::kConflict);
  EXPECT_EQ(code([&](Transaction& tx) { return GroupStore(tx).remove(author(), l1.id); }), Code::kConflict);
  EXPECT_EQ(code([&](Transaction& tx) { return GroupStore(tx).remove(author(), l2.id); }), Code::kConflict);
  EXPECT_EQ(code([&](Transaction& tx) { return TenantStore(tx).remove(author(), {1}); }), Code::kConflict);
  EXPECT_TRUE(db().write([&](Transaction& tx) { return NodeStore(tx).remove(author(), {1}); }));
  EXPECT_TRUE(db().write([&](Transaction& tx) { return GroupStore(tx).remove(author(), l1.id); }));
}

TEST_P(ResourceStoreTest, AReferenceToNothingIsRefused) {
  auto lost = domain("www.a.com");
  lost.origin_group = {99};
  const auto refused = db().write([&](Transaction& tx) { return DomainStore(tx).create(author(), lost); });
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_FALSE(is_version_mismatch(refused.error()));
  EXPECT_NE(refused.error().message.find("origin_group/99"), std::string::npos) << refused.error().message;
}

TEST_P(ResourceStoreTest, WhatIsNotThereIsNotFound) {
  const auto code = [&](auto body) { return db().write(body).error().code; };
  auto missing = domain("www.a.com");
  missing.id = {7};
  EXPECT_EQ(code([&](Transaction& tx) { return DomainStore(tx).get({7}); }), Code::kNotFound);
  EXPECT_EQ(code([&](Transaction& tx) { return DomainStore(tx).update(author(), missing); }), Code::kNotFound);
  EXPECT_EQ(code([&](Transaction& tx) { return DomainStore(tx).remove(author(), {7}); }), Code::kNotFound);
  EXPECT_EQ(code([&](Transaction& tx) { return TenantStore(tx).get({7}); }), Code::kNotFound);
}

TEST_P(ResourceStoreTest, TheTenantOfARowStays) {
  auto stored = add_domain("www.a.com");
  write([&](Transaction& tx) { return TenantStore(tx).create(author(), {.id = {}, .name = "other"}); });
  stored.value.tenant = {2};
  const auto moved = db().write([&](Transaction& tx) { return DomainStore(tx).update(author(), stored.value); });
  EXPECT_EQ(moved.error().code, Code::kInvalid);
}

TEST_P(ResourceStoreTest, ListsFollowTheirCursorToTheEnd) {
  for (int i = 0; i < 5; ++i) add_domain("d" + std::to_string(i) + ".com");
  std::vector<std::string> names;
  Page page{.after = 0, .limit = 2};
  int pages = 0;
  do {
    const auto listing = read([&](Transaction& tx) { return DomainStore(tx).list(page); });
    for (const auto& item : listing.items) names.push_back(item.value.name);
    page.after = listing.next;
    ++pages;
  } while (page.after != 0);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(names, (std::vector<std::string>{"d0.com", "d1.com", "d2.com", "d3.com", "d4.com"}));
}

TEST_P(ResourceStoreTest, ListsAreOfATenantAndOfAName) {
  add_domain("a.com");
  write([&](Transaction& tx) { return TenantStore(tx).create(author(), {.id = {}, .name = "other"}); });
  auto theirs = domain("b.com");
  theirs.tenant = {2};
  write([&](Transaction& tx) { return DomainStore(tx).create(author(), theirs); });
  const auto names = [&](ListFilter filter) {
    std::string text;
    for (const auto& item : read([&](Transaction& tx) { return DomainStore(tx).list({}, filter); }).items) {
      text += item.value.name + " ";
    }
    return text;
  };
  EXPECT_EQ(names({}), "a.com b.com ");
  EXPECT_EQ(names({.tenant = model::TenantId{2}, .name = {}}), "b.com ");
  EXPECT_EQ(names({.tenant = {}, .name = "a.com"}), "a.com ");
  EXPECT_EQ(names({.tenant = model::TenantId{2}, .name = "a.com"}), "");
}

TEST_P(ResourceStoreTest, TwoTenantsMayUseTheSameNameForTheirOrigins) {
  write([&](Transaction& tx) { return TenantStore(tx).create(author(), {.id = {}, .name = "other"}); });
  const auto add = [&](std::uint64_t tenant) {
    model::OriginGroup group;
    group.tenant = {tenant};
    group.name = "origin";
    return db().write([&](Transaction& tx) { return OriginStore(tx).create(author(), group); });
  };
  EXPECT_TRUE(add(2));
  EXPECT_EQ(add(2).error().code, Code::kAlreadyExists);
}

TEST_P(ResourceStoreTest, ACertificateKeepsItsKeyAndTheAuditLogDoesNotShowIt) {
  model::Certificate certificate;
  certificate.tenant = {1};
  certificate.name = "a.com";
  certificate.names = {"a.com", "*.a.com"};
  certificate.chain_pem = "-----BEGIN CERTIFICATE-----\n";
  certificate.key_pem = "the private key";
  write([&](Transaction& tx) { return CertificateStore(tx).create(author(), certificate); });
  EXPECT_EQ(read([](Transaction& tx) { return CertificateStore(tx).get({1}); }).value.key_pem, "the private key");
  const auto audit = read([](Transaction& tx) { return AuditLog(tx).list({}, {.after = 0, .limit = 1}); });
  EXPECT_EQ(audit.items.at(0).kind, "certificate");
  EXPECT_EQ(audit.items[0].detail.find("private"), std::string::npos);
}

TEST_P(ResourceStoreTest, SettingsAreOne) {
  EXPECT_FALSE(read([](Transaction& tx) { return SettingsStore(tx).get(); }));
  model::Settings settings;
  settings.cdn_zone = "cdn.example";
  const auto first = write([&](Transaction& tx) { return SettingsStore(tx).put(author(), settings); });
  EXPECT_EQ(first.version, 1u);
  settings.cdn_zone = "cdn.test";
  const auto second = write([&](Transaction& tx) { return SettingsStore(tx).put(author(), settings, 1); });
  EXPECT_EQ(second.version, 2u);
  const auto stale = db().write([&](Transaction& tx) { return SettingsStore(tx).put(author(), settings, 1); });
  EXPECT_TRUE(is_version_mismatch(stale.error()));
  EXPECT_EQ(read([](Transaction& tx) { return SettingsStore(tx).get(); })->value.cdn_zone, "cdn.test");
}

TEST_P(ResourceStoreTest, TenantsHaveVersionsAndUniqueNames) {
  const auto rename = [&](std::string name, std::uint64_t expected) {
    return db().write([&](Transaction& tx) {
      return TenantStore(tx).update(author(), {.id = {1}, .name = name, .enabled = false}, expected);
    });
  };
  write([&](Transaction& tx) { return TenantStore(tx).create(author(), {.id = {}, .name = "other"}); });
  EXPECT_EQ(rename("other", 1).error().code, Code::kAlreadyExists);
  ASSERT_TRUE(rename("acme 2", 1));
  EXPECT_TRUE(is_version_mismatch(rename("acme 3", 1).error()));
  const auto tenant = read([](Transaction& tx) { return TenantStore(tx).get({1}); });
  EXPECT_EQ(tenant.value.name, "acme 2");
  EXPECT_FALSE(tenant.value.enabled);
  EXPECT_EQ(tenant.version, 2u);
  EXPECT_EQ(read([](Transaction& tx) { return TenantStore(tx).list({}, "other"); }).items.size(), 1u);
  EXPECT_TRUE(db().write([&](Transaction& tx) { return TenantStore(tx).remove(author(), {2}, 1); }));
}

}  // namespace
}  // namespace yz::store
