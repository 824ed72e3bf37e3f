#include "store/cap_store.h"

#include "store/audit_log.h"
#include "store/billing_store.h"
#include "store/resource_store.h"
#include "store/store_test.h"
#include "store/usage_store.h"

namespace yz::store {
namespace {

using model::CapKind;

class CapStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_basics();
    domain_ = add_domain("www.a.com").value.id;
    other_ = add_domain("www.b.com").value.id;
  }
  static Cap cap(model::DomainId domain, CapKind kind, std::uint64_t limit) {
    return {.id = {}, .tenant = {1}, .domain = domain, .kind = kind, .limit = limit};
  }
  Result<Cap> add(const Cap& wanted) {
    return db().write([&](Transaction& tx) { return CapStore(tx).create(author(), wanted); });
  }
  std::optional<Cap> find(CapId id) {
    return read([&](Transaction& tx) { return CapStore(tx).get(id); });
  }
  void count(model::DomainId domain, std::uint32_t minute, std::uint64_t bytes, model::Tier tier = model::Tier::kL1) {
    model::UsageRecord record;
    record.key.minute = minute, record.key.domain = domain, record.key.tier = tier;
    record.counts.bytes_out = bytes;
    const model::UsageBatch batch{.node = {1}, .epoch = 1, .number = ++number_, .records = {record}};
    const CountedBatch counted[] = {{&batch, {.node = {1}, .group = {1}, .country = "CN"}}};
    ASSERT_TRUE(db().write([&](Transaction& tx) -> Status {
      YZ_CHECK(UsageStore(tx).ingest(batch, now()));
      YZ_TRY(const UsageOwners owners, StatisticsStore(tx).owners(counted));
      return BillingStore(tx).count(counted, owners);
    }));
  }

  model::DomainId domain_;
  model::DomainId other_;
  std::uint64_t number_ = 0;
};
YZ_ON_BOTH_ENGINES(CapStoreTest);

TEST_P(CapStoreTest, ThereIsOneOfAKindForADomainAndASide) {
  const auto first = add(cap(domain_, CapKind::kBandwidth, 1'000'000));
  ASSERT_TRUE(first) << first.error().message;
  const auto again = add(cap(domain_, CapKind::kBandwidth, 2));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_EQ(again.error().fault, Fault::kClient);
  EXPECT_TRUE(add(cap(domain_, CapKind::kTraffic, 1)));
  EXPECT_TRUE(add(cap({}, CapKind::kBandwidth, 1))) << "of the whole tenant";
  Cap operators = cap(domain_, CapKind::kBandwidth, 3);
  operators.by_operator = true;
  EXPECT_TRUE(add(operators));
  const auto all = read([&](Transaction& tx) { return CapStore(tx).all(); });
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].limit, 1'000'000U);
  EXPECT_TRUE(all[3].by_operator);
  EXPECT_EQ(read([&](Transaction& tx) {
              return CapStore(tx).list({}, {.tenant = model::TenantId{2}, .suspended = {}});
            }).items.size(),
            0U);
  Cap strangers = cap({}, CapKind::kSpend, 1);
  strangers.tenant = {77};
  EXPECT_EQ(add(strangers).error().code, Code::kNotFound);
}

TEST_P(CapStoreTest, WhatControlFoundIsKeptApartFromWhatPeopleSet) {
  Cap made = *add(cap(domain_, CapKind::kTraffic, 100));
  made.used = 70, made.seen = now();
  made.reached = now(), made.times = 2, made.suspension = {5};
  ASSERT_TRUE(db().write([&](Transaction& tx) { return CapStore(tx).note_used(made); }));
  EXPECT_EQ(find(made.id)->used, 70U);
  EXPECT_FALSE(find(made.id)->suspension);
  ASSERT_TRUE(db().write([&](Transaction& tx) { return CapStore(tx).note(made); }));
  const Cap raised = write([&](Transaction& tx) { return CapStore(tx).set_limit(author(), made.id, 200); });
  EXPECT_EQ(raised.limit, 200U);
  const Cap present = *find(made.id);
  EXPECT_EQ(present.limit, 200U);
  EXPECT_EQ(present.used, 70U);
  EXPECT_EQ(present.times, 2U);
  EXPECT_EQ(present.suspension, model::SuspensionId{5});
}

TEST_P(CapStoreTest, IsListedByWhetherItHoldsViewersBack) {
  Cap held = *add(cap(domain_, CapKind::kTraffic, 100));
  const Cap free = *add(cap(other_, CapKind::kTraffic, 100));
  held.suspension = {5};
  ASSERT_TRUE(db().write([&](Transaction& tx) { return CapStore(tx).note(held); }));
  const auto list = [&](bool suspended) {
    return read([&](Transaction& tx) { return CapStore(tx).list({}, {.tenant = {}, .suspended = suspended}); }).items;
  };
  ASSERT_EQ(list(true).size(), 1U);
  EXPECT_EQ(list(true)[0].id, held.id);
  ASSERT_EQ(list(false).size(), 1U);
  EXPECT_EQ(list(false)[0].id, free.id);
}

TEST_P(CapStoreTest, ItsSuspensionGoesWithItAndItGoesWithItsDomain) {
  Cap made = *add(cap(domain_, CapKind::kTraffic, 100));
  model::Suspension wanted;
  wanted.tenant = {1}, wanted.name = "cap/1", wanted.domain = domain_;
  made.suspension =
      write([&](Transaction& tx) { return ResourceStore<model::Suspension>(tx).create(author(), wanted); }).value.id;
  ASSERT_TRUE(db().write([&](Transaction& tx) { return CapStore(tx).note(made); }));
  ASSERT_TRUE(db().write([&](Transaction& tx) { return CapStore(tx).remove(author(), made.id); }));
  EXPECT_FALSE(find(made.id));
  const auto gone =
      db().read([&](Transaction& tx) { return ResourceStore<model::Suspension>(tx).get(made.suspension); });
  EXPECT_EQ(gone.error().code, Code::kNotFound);
  const auto again = db().write([&](Transaction& tx) { return CapStore(tx).remove(author(), made.id); });
  EXPECT_EQ(again.error().code, Code::kNotFound);

  const Cap others = *add(cap(other_, CapKind::kBandwidth, 1));
  write([&](Transaction& tx) { return ResourceStore<model::Domain>(tx).remove(author(), other_); });
  EXPECT_FALSE(find(others.id));
  const auto entries = read([&](Transaction& tx) { return AuditLog(tx).list({.tenant = {}, .kind = "cap"}, {}); });
  EXPECT_EQ(entries.items.size(), 3U) << "two made, one removed";
}

TEST_P(CapStoreTest, AMonthsTrafficIsThatOfViewersOfTheDomainOrOfTheTenant) {
  const Cap of_domain = *add(cap(domain_, CapKind::kTraffic, 100));
  const Cap of_tenant = *add(cap({}, CapKind::kTraffic, 100));
  count(domain_, 1'000, 7);
  count(domain_, 1'004, 8);
  count(domain_, 1'000, 500, model::Tier::kL2);
  count(other_, 1'001, 16);
  count(domain_, 2'000, 32);
  const auto traffic = [&](const Cap& which, std::uint32_t from, std::uint32_t until) {
    return read([&](Transaction& tx) { return CapStore(tx).traffic(which, from, until); });
  };
  EXPECT_EQ(traffic(of_domain, 1'000, 2'000), 15U);
  EXPECT_EQ(traffic(of_domain, 1'000, 2'005), 47U);
  EXPECT_EQ(traffic(of_tenant, 1'000, 2'000), 31U);
  EXPECT_EQ(traffic(of_tenant, 3'000, 4'000), 0U);
}

}  // namespace
}  // namespace yz::store
