#include "store/billing_store.h"

#include <thread>

#include <nlohmann/json.hpp>

#include "store/audit_log.h"
#include "store/store_test.h"
#include "store/usage_store.h"

namespace yz::store {
namespace {

using nlohmann::json;
using std::chrono::minutes;

constexpr std::uint64_t kGb = 1'000'000'000;

class BillingStoreTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_basics();
    domain_ = add_domain("www.a.com").value.id;
    november_ = billing::month_period(*billing::parse_month("2026-11"), minutes(480));
    december_ = billing::month_period(*billing::parse_month("2026-12"), minutes(480));
    january_ = billing::month_period(*billing::parse_month("2027-01"), minutes(480));
  }

  static billing::Plan plan(const char* price) {
    const auto read = billing::read_plan(
        {{"regions", {{{"name", "cn"}, {"countries", {"CN"}}}, {{"name", "rest"}, {"countries", {"*"}}}}},
         {"items",
          {{{"id", "t"}, {"mode", "traffic"}, {"regions", json::array({"cn"})}, {"price", price}},
           {{"id", "r"},
            {"mode", "requests"},
            {"regions", json::array({"cn", "rest"})},
            {"classes", json::array({"tls_static"})},
            {"per", 1},
            {"price", "0.01"}}}}});
    EXPECT_TRUE(read);
    return *read;
  }
  PlanId add_plan(const char* name, const char* price) {
    return write([&](Transaction& tx) { return BillingStore(tx).create_plan(author(), name, plan(price)); }).id;
  }
  Result<Contract> add_contract(PlanId id, const char* day, std::uint64_t version = 1) {
    return db().write([&](Transaction& tx) {
      return BillingStore(tx).create_contract(
          author(), {.id = {}, .tenant = {1}, .from_day = day, .plan = id, .version = version});
    });
  }
  void count(std::uint32_t minute, std::uint64_t gigabytes, const char* country = "CN", bool is_tls = false) {
    model::UsageRecord record;
    record.key.minute = minute;
    record.key.domain = domain_;
    record.key.is_tls = is_tls;
    record.counts.requests = 1;
    record.counts.bytes_out = gigabytes * kGb;
    const UsageOrigin origin{.node = {1}, .group = {1}, .country = country};
    const model::UsageBatch batch{.node = {1}, .epoch = 1, .number = ++number_, .records = {record}};
    const CountedBatch counted[] = {{&batch, origin}};
    const auto done = db().write([&](Transaction& tx) -> Status {
      YZ_TRY(const UsageOwners owners, StatisticsStore(tx).owners(counted));
      return BillingStore(tx).count(counted, owners);
    });
    EXPECT_TRUE(done);
  }
  json draw(const char* month) {
    const auto drawn =
        write([&](Transaction& tx) { return BillingStore(tx).draw(author(), model::TenantId{1}, month); });
    id_ = drawn.id;
    return json::parse(drawn.body);
  }
  Result<StoredStatement> close(StatementId id) {
    return db().write([&](Transaction& tx) { return BillingStore(tx).close(author(), id); });
  }
  /// Draws and closes a month that is over; its number.
  StatementId settle(const char* month, const billing::Period& period) {
    draw(month);
    set_now(WallTime(minutes(period.until_minute)));
    const auto done = close(id_);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return id_;
  }
  void expect_reproduced(StatementId id) {
    const auto stored = read([&](Transaction& tx) { return BillingStore(tx).statement(id); });
    const json again = read([&](Transaction& tx) { return BillingStore(tx).recompute(id); });
    EXPECT_EQ(billing::first_difference(json::parse(stored->body), again), std::nullopt);
  }
  void set_now(WallTime to) { advance(to - now()); }

  model::DomainId domain_;
  billing::Period november_, december_, january_;
  StatementId id_;
  std::uint64_t number_ = 0;
};
YZ_ON_BOTH_ENGINES(BillingStoreTest);

TEST_P(BillingStoreTest, AMonthIsBilledByTheContractsThatHoldInIt) {
  const PlanId dear = add_plan("dear", "2");
  const PlanId cheap = add_plan("cheap", "1");
  ASSERT_TRUE(add_contract(dear, "2026-10-01"));
  ASSERT_TRUE(add_contract(cheap, "2026-11-11"));
  EXPECT_EQ(add_contract(dear, "2026-11-11").error().code, Code::kAlreadyExists);
  count(november_.from_minute - 1, 100);
  count(november_.from_minute, 1);
  count(november_.from_minute + 10 * 1440 - 1, 2);
  count(november_.from_minute + 10 * 1440, 4);
  count(november_.until_minute - 1, 8, "CN", true);
  count(november_.from_minute, 50, "US", true);
  count(november_.until_minute, 100);
  const json document = draw("2026-11");
  EXPECT_EQ(document["segments"].size(), 2U);
  EXPECT_EQ(document["total"], "18.02") << "(1 + 2) x 2 + (4 + 8) x 1 and two requests over TLS";
  EXPECT_EQ(draw("2026-11"), document);
}

TEST_P(BillingStoreTest, AClosedStatementNeverChangesAndLateUsageGoesIntoTheNext) {
  ASSERT_TRUE(add_contract(add_plan("p", "1"), "2026-11-01"));
  count(november_.from_minute, 10);
  const StatementId first = settle("2026-11", november_);
  count(november_.from_minute + 5, 3);  // late
  count(december_.from_minute, 20);
  EXPECT_EQ(draw("2026-11")["total"], "10.00");
  const json december = draw("2026-12");
  EXPECT_EQ(december["total"], "23.00");
  EXPECT_EQ(december["lines"][2]["amount"], "3.00");
  EXPECT_EQ(december["corrections"][0]["statement"], first.value);
  const StatementId second = settle("2026-12", december_);
  count(november_.from_minute + 10, 5);  // later still
  count(december_.from_minute + 10, 7);
  EXPECT_EQ(draw("2027-01")["total"], "12.00");
  const StatementId third = settle("2027-01", january_);
  for (const StatementId id : {first, second, third}) expect_reproduced(id);
  EXPECT_EQ(close(first)->body, read([&](Transaction& tx) { return BillingStore(tx).statement(first); })->body);
}

TEST_P(BillingStoreTest, MonthsCloseInOrderAndNotBeforeTheirEnd) {
  ASSERT_TRUE(add_contract(add_plan("p", "1"), "2026-11-15"));
  draw("2026-11");
  const StatementId november = id_;
  draw("2026-12");
  set_now(WallTime(minutes(december_.until_minute)));
  EXPECT_EQ(close(id_).error().code, Code::kConflict) << "November is open";
  set_now(WallTime(minutes(november_.until_minute) - minutes(1)));
  EXPECT_EQ(close(november).error().code, Code::kConflict) << "November is not over";
  settle("2026-11", november_);
  settle("2026-12", december_);
  EXPECT_FALSE(db().write([&](Transaction& tx) { return BillingStore(tx).draw(author(), {1}, "2026-10"); }))
      << "before the contract";
}

TEST_P(BillingStoreTest, WhatAClosedStatementRestsOnCannotBeChanged) {
  const PlanId plan = add_plan("p", "1");
  const auto contract = add_contract(plan, "2026-11-01");
  ASSERT_TRUE(contract);
  settle("2026-11", november_);
  EXPECT_EQ(add_contract(plan, "2026-11-20").error().code, Code::kConflict);
  EXPECT_EQ(db().write([&](Transaction& tx) { return BillingStore(tx).remove_contract(author(), contract->id); })
                .error()
                .code,
            Code::kConflict);
  EXPECT_EQ(db().write([&](Transaction& tx) {
                  return BillingStore(tx).create_package(author(), {.id = {},
                                                                    .tenant = {1},
                                                                    .item = "t",
                                                                    .bytes = kGb,
                                                                    .from_minute = november_.from_minute,
                                                                    .until_minute = december_.until_minute});
                })
                .error()
                .code,
            Code::kConflict);
  const auto second =
      write([&](Transaction& tx) { return BillingStore(tx).add_version(author(), plan, BillingStoreTest::plan("9")); });
  EXPECT_EQ(second.version, 2U);
  EXPECT_TRUE(add_contract(plan, "2026-12-01", 2));
  EXPECT_EQ(read([&](Transaction& tx) { return BillingStore(tx).plan(plan, 1); }).plan, BillingStoreTest::plan("1"));
}

TEST_P(BillingStoreTest, AContractThatRacesWithTheClosingOfItsMonthIsRefused) {
  const PlanId plan = add_plan("p", "1");
  ASSERT_TRUE(add_contract(plan, "2026-11-01"));
  draw("2026-11");
  set_now(WallTime(minutes(november_.until_minute)));
  const auto other = open_again();
  Result<Contract> raced = fail(Code::kInternal, "not asked");
  std::jthread racer;
  write([&](Transaction& tx) -> Result<StoredStatement> {
    auto closed = BillingStore(tx).close(author(), id_);
    racer = std::jthread([&] {
      raced = other->write([&](Transaction& theirs) {
        return BillingStore(theirs).create_contract(
            author(), {.id = {}, .tenant = {1}, .from_day = "2026-11-11", .plan = plan, .version = 1});
      });
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until it has read what it may read
    return closed;
  });
  racer.join();
  ASSERT_FALSE(raced);
  EXPECT_EQ(raced.error().code, Code::kConflict);
  expect_reproduced(id_);
}

TEST_P(BillingStoreTest, DraftsAndClosedStatementsAreAudited) {
  ASSERT_TRUE(add_contract(add_plan("p", "1"), "2026-11-01"));
  settle("2026-11", november_);
  const auto entries =
      read([&](Transaction& tx) { return AuditLog(tx).list({.tenant = {}, .kind = "statement"}, Page{}); });
  ASSERT_EQ(entries.items.size(), 2U) << "closing draws once more, which is not told apart";
  EXPECT_EQ(entries.items[1].action, "draw");
  EXPECT_EQ(entries.items[0].action, "close");
  EXPECT_EQ(json::parse(entries.items[1].detail), json({{"month", "2026-11"}, {"total", "0.00"}}));
  EXPECT_EQ(entries.items[1].tenant, model::TenantId{1});
}

TEST_P(BillingStoreTest, PackagesCarryTheirBalanceFromMonthToMonth) {
  ASSERT_TRUE(add_contract(add_plan("p", "1"), "2026-11-01"));
  write([&](Transaction& tx) {
    return BillingStore(tx).create_package(author(), {.id = {},
                                                      .tenant = {1},
                                                      .item = "t",
                                                      .bytes = 10 * kGb,
                                                      .from_minute = november_.from_minute,
                                                      .until_minute = january_.until_minute});
  });
  count(november_.from_minute, 6);
  count(december_.from_minute, 6);
  EXPECT_EQ(draw("2026-11")["total"], "0.00");
  const StatementId first = settle("2026-11", november_);
  EXPECT_EQ(draw("2026-12")["total"], "2.00");
  const StatementId second = settle("2026-12", december_);
  expect_reproduced(first);
  expect_reproduced(second);
}

TEST_P(BillingStoreTest, RecomputingNamesTheFirstDifference) {
  ASSERT_TRUE(add_contract(add_plan("p", "1"), "2026-11-01"));
  count(november_.from_minute, 10);
  const StatementId id = settle("2026-11", november_);
  write([&](Transaction& tx) { return tx.execute("UPDATE bill_usage SET bytes = bytes + 1000000000"); });
  const auto stored = read([&](Transaction& tx) { return BillingStore(tx).statement(id); });
  const json again = read([&](Transaction& tx) { return BillingStore(tx).recompute(id); });
  EXPECT_EQ(billing::first_difference(json::parse(stored->body), again), R"(/lines/0/amount: "10.00", now "11.00")");
}

}  // namespace
}  // namespace yz::store
