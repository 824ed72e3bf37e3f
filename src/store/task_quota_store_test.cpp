#include "store/task_quota_store.h"

#include <atomic>
#include <thread>

#include "store/store_test.h"
#include "store/tenant_store.h"

namespace yz::store {
namespace {

using model::TaskQuota;
using model::TenantId;

class TaskQuotaStoreTest : public StoreTest {
 protected:
  static constexpr TaskQuota kQuota{.refresh_urls = 10, .refresh_groups = 3, .prefetch_urls = 5};

  TenantId add_tenant(std::string name, TaskQuota quota = kQuota) {
    const model::Tenant tenant{.id = {}, .name = std::move(name), .enabled = true, .quota = quota};
    return write([&](Transaction& tx) { return TenantStore(tx).create(author(), tenant); }).value.id;
  }
  Status take(TenantId tenant, const TaskUse& wanted) {
    return db().write([&](Transaction& tx) { return TaskQuotaStore(tx).take(tenant, wanted, now()); });
  }
  TaskUse used(TenantId tenant) {
    return read([&](Transaction& tx) { return TaskQuotaStore(tx).used(tenant, now()); });
  }
};
YZ_ON_BOTH_ENGINES(TaskQuotaStoreTest);

TEST_P(TaskQuotaStoreTest, ATenantTakesUpToItsQuotaAndNoFurther) {
  const TenantId acme = add_tenant("acme");
  EXPECT_EQ(used(acme), TaskUse{});
  ASSERT_TRUE(take(acme, {.refresh_urls = 9, .refresh_groups = 2, .prefetch_urls = 4}));
  const Status refused = take(acme, {.refresh_urls = 2});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_EQ(refused.error().fault, Fault::kClient);
  EXPECT_FALSE(refused.error().retryable);
  EXPECT_EQ(refused.error().message,
            "10 URLs to refresh a day are the quota: 9 are used, 2 were asked for; it starts anew at "
            "2023-11-15T00:00:00.000Z");
  ASSERT_TRUE(take(acme, {.refresh_urls = 1, .refresh_groups = 1, .prefetch_urls = 1}));
  EXPECT_EQ(used(acme), (TaskUse{.refresh_urls = 10, .refresh_groups = 3, .prefetch_urls = 5}));
  EXPECT_FALSE(take(acme, {.refresh_urls = 1}));
  EXPECT_FALSE(take(acme, {.refresh_groups = 1}));
  EXPECT_FALSE(take(acme, {.prefetch_urls = 1}));
}

TEST_P(TaskQuotaStoreTest, WhatIsRefusedCountsInNoSum) {
  const TenantId acme = add_tenant("acme");
  EXPECT_FALSE(take(acme, {.refresh_urls = 1, .refresh_groups = 1, .prefetch_urls = 6}));
  EXPECT_EQ(used(acme), TaskUse{});
}

TEST_P(TaskQuotaStoreTest, ASumThatIsFullHoldsNoOtherBack) {
  const TenantId acme = add_tenant("acme", {.refresh_urls = 10, .refresh_groups = 0, .prefetch_urls = 5});
  EXPECT_FALSE(take(acme, {.refresh_groups = 1})) << "0: nothing";
  ASSERT_TRUE(take(acme, {.prefetch_urls = 5}));
  write([&](Transaction& tx) {  // lowered to less than is used
    return TenantStore(tx).update(author(), {.id = acme, .name = "acme", .enabled = true, .quota = {10, 0, 1}});
  });
  EXPECT_TRUE(take(acme, {.refresh_urls = 1}));
  EXPECT_FALSE(take(acme, {.prefetch_urls = 1}));
}

TEST_P(TaskQuotaStoreTest, ANewDayStartsAnewAtMidnight) {
  const TenantId acme = add_tenant("acme");
  ASSERT_TRUE(take(acme, {.refresh_urls = 10}));
  const WallTime midnight = quotas_reset(now());
  EXPECT_EQ(midnight, *parse_rfc3339("2023-11-15T00:00:00Z"));
  advance(midnight - now() - std::chrono::milliseconds(1));
  EXPECT_FALSE(take(acme, {.refresh_urls = 1}));
  EXPECT_EQ(quotas_reset(now()), midnight);
  advance(std::chrono::milliseconds(1));
  EXPECT_EQ(used(acme), TaskUse{});
  EXPECT_TRUE(take(acme, {.refresh_urls = 10}));
  EXPECT_EQ(quotas_reset(now()), midnight + std::chrono::hours(24));
}

TEST_P(TaskQuotaStoreTest, TenantsAreCountedApart) {
  const TenantId acme = add_tenant("acme");
  const TenantId other = add_tenant("other", TaskQuota{});
  ASSERT_TRUE(take(acme, {.prefetch_urls = 5}));
  EXPECT_EQ(used(other), TaskUse{});
  EXPECT_TRUE(take(other, {.prefetch_urls = 1'000})) << "the default";
  EXPECT_FALSE(take(other, {.prefetch_urls = 1}));
  EXPECT_EQ(used(acme), TaskUse{.prefetch_urls = 5});
  EXPECT_EQ(take({77}, {.prefetch_urls = 1}).error().code, Code::kNotFound);
}

TEST_P(TaskQuotaStoreTest, OfManyAtOnceOnlySoManyGetThroughAndNoneFailsOtherwise) {
  const TenantId acme = add_tenant("acme");
  const TenantId other = add_tenant("other");
  auto instance = open_again();
  std::atomic<int> taken = 0;
  std::atomic<int> refused = 0;
  const auto ask = [&](Database& database, TenantId first, TenantId second) {
    for (int i = 0; i < 5; ++i) {
      const Status done = database.write([&](Transaction& tx) -> Status {
        YZ_CHECK(TaskQuotaStore(tx).lock({acme, other}));
        YZ_CHECK(TaskQuotaStore(tx).take(first, {.refresh_urls = 1}, now()));
        return TaskQuotaStore(tx).take(second, {.refresh_urls = 1}, now());
      });
      EXPECT_TRUE(done || done.error().code == Code::kLimit) << done.error().message;
      ++(done ? taken : refused);
    }
  };
  std::vector<std::jthread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] { ask(db(), acme, other); });
    callers.emplace_back([&] { ask(*instance, other, acme); });
  }
  callers.clear();
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(refused, 10);
  EXPECT_EQ(used(acme).refresh_urls, 10U);
  EXPECT_EQ(used(other).refresh_urls, 10U);
}

TEST_P(TaskQuotaStoreTest, OldDaysGoAndSoDoesWhatARemovedTenantUsed) {
  const TenantId acme = add_tenant("acme");
  ASSERT_TRUE(take(acme, {.refresh_urls = 1}));
  const auto drop = [&] { return write([&](Transaction& tx) { return TaskQuotaStore(tx).drop_before(now()); }); };
  EXPECT_EQ(drop(), 0U) << "the day is not over";
  advance(std::chrono::hours(24));
  ASSERT_TRUE(take(acme, {.refresh_urls = 2}));
  EXPECT_EQ(drop(), 1U);
  EXPECT_EQ(used(acme).refresh_urls, 2U);
  ASSERT_TRUE(db().write([&](Transaction& tx) { return TenantStore(tx).remove(author(), acme); }));
  EXPECT_EQ(used(acme), TaskUse{});
}

}  // namespace
}  // namespace yz::store
