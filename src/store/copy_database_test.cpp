#include "store/copy_database.h"

#include <algorithm>

#include <fmt/format.h>

#include "store/audit_log.h"
#include "store/config_log.h"
#include "store/domain_store.h"
#include "store/lease_store.h"
#include "store/migrations.h"
#include "store/origin_store.h"
#include "store/purge_log.h"
#include "store/store_test.h"
#include "store/task_quota_store.h"
#include "store/tenant_store.h"

namespace yz::store {
namespace {

/// A filled SQLite database, and an empty one on MariaDB.
class CopyDatabaseTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    std::string error;
    mariadb_ = shared_mariadb(error);
    ASSERT_NE(mariadb_, nullptr) << error;
    ASSERT_TRUE(mariadb_->create_database("copy"));
    target_ = mariadb_->url("copy");
  }
  void TearDown() override {
    EXPECT_TRUE(mariadb_->drop_database("copy"));
    StoreTest::TearDown();
  }
  void fill() {
    add_basics();
    add_domain("www.a.com");
    write([&](Transaction& tx) -> Result<int> {
      model::OriginGroup group;
      group.tenant = {1};
      group.host_header = "\xe9\xa9\xbf\xe7\xab\x99 'quoted' \\ and\nlines";
      group.origins = {{.host = "origin.example"}};
      for (int i = 0; i < 300; ++i) {
        group.name = fmt::format("origin {}", i);
        YZ_CHECK(OriginStore(tx).create(author(), group));
      }
      std::vector<model::PurgeRecord> records;
      for (int i = 0; i < 4'500; ++i) {  // more than two pages
        records.push_back({{}, model::PurgeKind::kUrl, {1}, fmt::format("/{}", i), i % 2 == 0, now()});
      }
      YZ_CHECK(PurgeLog(tx).append(std::move(records)));
      YZ_CHECK(TenantStore(tx).update(author(), {.id = {1}, .name = "acme", .enabled = true, .quota = {7, 8, 9}}));
      YZ_CHECK(TaskQuotaStore(tx).take({1}, {.prefetch_urls = 9}, now()));
      return 0;
    });
  }
  Result<std::vector<CopiedTable>> copy() {
    return copy_database(url(), target_, now(), [](const CopiedTable&) {});
  }

  MariadbServer* mariadb_ = nullptr;
  std::string target_;
};

TEST_P(CopyDatabaseTest, EveryRowArrivesAndWorkGoesOnThere) {
  fill();
  const auto copied = copy();
  ASSERT_TRUE(copied) << copied.error().message;
  const auto purges = std::ranges::find(*copied, "purge_log", &CopiedTable::name);
  ASSERT_NE(purges, copied->end());
  EXPECT_EQ(purges->rows, 4'500U);

  auto there = Database::open(target_);
  ASSERT_TRUE(there) << there.error().message;
  const auto snapshot = (*there)->read([](Transaction& tx) { return ConfigLog(tx).snapshot(); });
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->content_hash(), read([](Transaction& tx) { return ConfigLog(tx).snapshot(); }).content_hash());
  EXPECT_FALSE((*there)->read([](Transaction& tx) { return AuditLog(tx).verify(); })->first_broken);
  const auto used = (*there)->read([&](Transaction& tx) { return TaskQuotaStore(tx).used({1}, now()); });
  EXPECT_EQ(used->prefetch_urls, 9U);
  const auto tenant = (*there)->read([](Transaction& tx) { return TenantStore(tx).get({1}); });
  EXPECT_EQ(tenant->value.quota, (model::TaskQuota{7, 8, 9}));
  const auto next = (*there)->write([&](Transaction& tx) { return DomainStore(tx).create(author(), domain("b.com")); });
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->value.id.value, 2U);
}

TEST_P(CopyDatabaseTest, ATargetThatHoldsSomethingIsLeftAlone) {
  fill();
  ASSERT_TRUE(copy());
  const auto again = copy();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_NE(again.error().message.find("not empty"), std::string::npos) << again.error().message;
}

TEST_P(CopyDatabaseTest, ACopyThatBrokeOffIsOpenedByNobodyAndBegunAnew) {
  fill();
  ASSERT_TRUE(copy());
  {
    auto there = Database::open(target_);
    ASSERT_TRUE(there);
    ASSERT_TRUE((*there)->write([](Transaction& tx) -> Result<int> {
      YZ_CHECK(tx.execute("DELETE FROM purge_log WHERE seq > 100"));
      YZ_CHECK(tx.execute("INSERT INTO schema_version (version, name) VALUES (?, 'x')", {kCopyUnderWay}));
      return 0;
    }));
  }
  const auto opened = Database::open(target_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("migrate again"), std::string::npos) << opened.error().message;
  const auto again = copy();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(Database::open(target_));
}

TEST_P(CopyDatabaseTest, AControlThatRunsOnTheSourceIsNamed) {
  write([&](Transaction& tx) {
    return LeaseStore(tx).acquire("control-leader", "control-7", std::chrono::seconds(5), now());
  });
  const auto copied = copy();
  ASSERT_FALSE(copied);
  EXPECT_NE(copied.error().message.find("control-7"), std::string::npos) << copied.error().message;
}

TEST_P(CopyDatabaseTest, OnlyFromSqliteToMariadb) {
  EXPECT_EQ(copy_database(target_, url(), now(), {}).error().code, Code::kInvalid);
  EXPECT_EQ(copy_database("sqlite:/nowhere/at/all.db", target_, now(), {}).error().code, Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Engines, CopyDatabaseTest, testing::Values(Engine::kSqlite));

}  // namespace
}  // namespace yz::store
