#include "store/acme_store.h"

#include "store/certificate_store.h"
#include "store/config_log.h"
#include "store/store_test.h"

namespace yz::store {
namespace {

class AcmeStoreTest : public StoreTest {
 protected:
  AcmeAccount add_account(const std::string& name, std::uint64_t priority = 100) {
    AcmeAccount account;
    account.name = name;
    account.directory = "https://ca.test/dir";
    account.contacts = {"ops@a.com"};
    account.mac_key = std::string("\0\xff secret", 9);
    account.blocked = {"internal"};
    account.priority = priority;
    account.key_pem = "the key";
    return write([&](Transaction& tx) { return AcmeAccountStore(tx).create(author(), account); });
  }
  AcmeOrder add_order(AcmeAccountId account, WallTime next_at) {
    AcmeOrder order;
    order.tenant = {1};
    order.account = account;
    order.certificate_name = "a.com";
    order.names = {"a.com", "*.a.com"};
    order.challenge = model::ChallengeKind::kDns;
    order.next_at = next_at;
    return write([&](Transaction& tx) { return AcmeOrderStore(tx).create(author(), order); });
  }
};
YZ_ON_BOTH_ENGINES(AcmeStoreTest);

TEST_P(AcmeStoreTest, AnAccountReadsBackAndTheOneToAskFirstComesFirst) {
  add_account("second", 20);
  const AcmeAccount made = add_account("first", 10);
  const auto all = read([](Transaction& tx) { return AcmeAccountStore(tx).list(); });
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, made.id);
  EXPECT_EQ(all[0].mac_key, made.mac_key);
  EXPECT_EQ(all[0].key_pem, "the key");
  EXPECT_EQ(all[0].contacts, made.contacts);
  EXPECT_EQ(all[0].blocked, made.blocked);
}

TEST_P(AcmeStoreTest, AChangedAccountKeepsItsKeyAndForgetsItsUrlAtAnotherAuthority) {
  AcmeAccount account = add_account("main");
  (void)db().write([&](Transaction& tx) { return AcmeAccountStore(tx).set_url(account.id, "https://ca.test/a/1"); });
  account.contacts = {};
  account = write([&](Transaction& tx) { return AcmeAccountStore(tx).update(author(), account, 1); });
  EXPECT_EQ(account.url, "https://ca.test/a/1");
  EXPECT_TRUE(is_version_mismatch(
      db().write([&](Transaction& tx) { return AcmeAccountStore(tx).update(author(), account, 1); }).error()));
  account.directory = "https://other.test/dir";
  account = write([&](Transaction& tx) { return AcmeAccountStore(tx).update(author(), account, 2); });
  EXPECT_EQ(account.url, "");
  EXPECT_EQ(read([&](Transaction& tx) { return AcmeAccountStore(tx).get(account.id); }).key_pem, "the key");
}

TEST_P(AcmeStoreTest, AnAccountInUseStays) {
  const AcmeAccount account = add_account("main");
  AcmeOrder order = add_order(account.id, now());
  const auto remove = [&] {
    return db().write([&](Transaction& tx) { return AcmeAccountStore(tx).remove(author(), account.id, 1); });
  };
  EXPECT_EQ(remove().error().code, Code::kConflict);
  order.state = AcmeOrderState::kFailed;
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeOrderStore(tx).save(order); }));
  EXPECT_TRUE(remove());
}

TEST_P(AcmeStoreTest, OrdersAreDueByTheirTimeUntilTheyAreOver) {
  const AcmeAccount account = add_account("main");
  AcmeOrder later = add_order(account.id, now() + std::chrono::seconds(10));
  AcmeOrder first = add_order(account.id, now());
  const auto due = [&](WallTime at) { return read([&](Transaction& tx) { return AcmeOrderStore(tx).due(at, 10); }); };
  ASSERT_EQ(due(now()).size(), 1U);
  EXPECT_EQ(due(now())[0].names, first.names);
  EXPECT_EQ(due(now())[0].challenge, model::ChallengeKind::kDns);
  first.state = AcmeOrderState::kValidating;
  first.url = "https://ca.test/o/1";
  first.key_pem = "secret";
  first.next_at = now() + std::chrono::seconds(20);
  first.error = "dns: 驿";
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeOrderStore(tx).save(first); }));
  EXPECT_TRUE(due(now()).empty());
  const auto both = due(now() + std::chrono::seconds(20));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, later.id);
  EXPECT_EQ(both[1].key_pem, "secret");
  EXPECT_EQ(both[1].error, "dns: 驿");
  first.state = AcmeOrderState::kValid;
  first.finished = now();
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeOrderStore(tx).save(first); }));
  EXPECT_EQ(due(now() + std::chrono::seconds(20)).size(), 1U);
  EXPECT_EQ(write([&](Transaction& tx) { return AcmeOrderStore(tx).drop_before(now() + std::chrono::seconds(1)); }),
            1U);
}

TEST_P(AcmeStoreTest, OrdersAreListedNewestFirst) {
  const AcmeAccount account = add_account("main");
  for (int i = 0; i < 3; ++i) add_order(account.id, now());
  const auto page = read([](Transaction& tx) {
    return AcmeOrderStore(tx).list({.tenant = model::TenantId{1}}, {.after = 0, .limit = 2});
  });
  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.items[0].id.value, 3U);
  EXPECT_EQ(page.next, 2U);
  const auto none = read([](Transaction& tx) { return AcmeOrderStore(tx).list({.tenant = model::TenantId{2}}, {}); });
  EXPECT_TRUE(none.items.empty());
}

TEST_P(AcmeStoreTest, UpkeepIsReplacedWhole) {
  AcmeUpkeep upkeep{.certificate = {7}, .account = {1}, .names = {"a.com"}, .ari_id = "x.y", .ask_at = now()};
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeUpkeepStore(tx).put(upkeep); }));
  upkeep.revoked = now();
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeUpkeepStore(tx).put(upkeep); }));
  const auto all = read([](Transaction& tx) { return AcmeUpkeepStore(tx).all(); });
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].revoked, now());
  EXPECT_EQ(all[0].ari_id, "x.y");
  ASSERT_TRUE(db().write([&](Transaction& tx) { return AcmeUpkeepStore(tx).remove({7}); }));
  EXPECT_FALSE(read([](Transaction& tx) { return AcmeUpkeepStore(tx).get({7}); }));
}

TEST_P(AcmeStoreTest, UpkeepGoesWithItsCertificate) {
  add_basics();
  const auto before = read([](Transaction& tx) { return ConfigLog(tx).head(); });
  const auto add = [&](const char* name) {
    return write([&](Transaction& tx) -> Result<model::CertificateId> {
      model::Certificate certificate;
      certificate.tenant = {1};
      certificate.name = name;
      YZ_TRY(const auto made, CertificateStore(tx).create(author(), certificate));
      YZ_CHECK(AcmeUpkeepStore(tx).put({.certificate = made.value.id, .account = {1}, .names = {name}}));
      return made.value.id;
    });
  };
  const auto removed = add("a.com");
  add("b.com");
  write([&](Transaction& tx) { return CertificateStore(tx).remove(author(), removed); });
  EXPECT_EQ(read([](Transaction& tx) { return AcmeUpkeepStore(tx).all(); }).size(), 1U);
  write([&](Transaction& tx) { return ConfigLog(tx).roll_back(author(), before); });
  EXPECT_TRUE(read([](Transaction& tx) { return AcmeUpkeepStore(tx).all(); }).empty()) << "rolled back to before it";
}

}  // namespace
}  // namespace yz::store
