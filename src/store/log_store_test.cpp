#include "store/log_store.h"

#include "store/store_test.h"

namespace yz::store {
namespace {

using model::DomainId;
using model::NodeId;

model::LogBatchHead batch(std::uint64_t number, std::vector<model::LogSlice> slices,
                          std::vector<model::AccessLoss> losses = {}) {
  model::LogBatchHead head;
  head.node = NodeId{7};
  head.epoch = UINT64_MAX;
  head.number = number;
  head.slices = std::move(slices);
  head.losses = std::move(losses);
  return head;
}

class LogStoreTest : public StoreTest {
 protected:
  bool ingest(const model::LogBatchHead& head, std::uint64_t bytes = 1000) {
    return write([&](Transaction& tx) { return LogStore(tx).ingest(head, bytes, now()); });
  }
  std::vector<LogHour> hours(std::uint64_t domain) {
    return read([&](Transaction& tx) { return LogStore(tx).hours(DomainId{domain}, 0, 1000); });
  }
};
YZ_ON_BOTH_ENGINES(LogStoreTest);

TEST_P(LogStoreTest, ABatchCountsOnceHoweverOftenItArrives) {
  const auto head = batch(1, {{100, {1}, 5, 500, 50}, {100, {2}, 1, 90, 30}, {101, {1}, 2, 200, 20}});
  EXPECT_TRUE(ingest(head));
  EXPECT_FALSE(ingest(head));
  EXPECT_TRUE(ingest(batch(2, {{100, {1}, 3, 300, 40}})));
  const std::vector<LogHour> wanted = {{100, 8, 800, 90, 0, 0}, {101, 2, 200, 20, 0, 0}};
  EXPECT_EQ(hours(1), wanted);
  EXPECT_EQ(hours(2).size(), 1U);
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).batches(100); }).size(), 2U);
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).batches(101); }).size(), 1U);
  EXPECT_TRUE(ingest(batch(9, {{90, {1}, 1, 10, 5}, {110, {2}, 1, 10, 5}}))) << "a node that was away";
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).batches(100); }).size(), 3U);
  EXPECT_TRUE(read([](Transaction& tx) { return LogStore(tx).has({NodeId{7}, UINT64_MAX, 2}); }));
  EXPECT_FALSE(read([](Transaction& tx) { return LogStore(tx).has({NodeId{7}, UINT64_MAX, 3}); }));
}

TEST_P(LogStoreTest, LossesAreTheLargestReportOfEachEpoch) {
  EXPECT_TRUE(ingest(batch(2, {}, {{17, 100, {1}, 9}})));
  EXPECT_TRUE(ingest(batch(1, {}, {{17, 100, {1}, 4}, {18, 100, {1}, 1}, {17, 0, {}, 3}})));
  const std::vector<LogHour> wanted = {{100, 0, 0, 0, 0, 10}};
  EXPECT_EQ(hours(1), wanted);
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).total_lost(); }), 13U);
}

TEST_P(LogStoreTest, WhatIsRemovedForTheQuotaStaysKnown) {
  const auto older = batch(1, {{100, {1}, 5, 500, 50}});
  EXPECT_TRUE(ingest(batch(2, {{101, {1}, 1, 10, 9}}), 70));
  EXPECT_TRUE(ingest(older, 50));
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).total_bytes(); }), 120U);
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).oldest(); })->name.number, 1U);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(db().write([&](Transaction& tx) { return LogStore(tx).remove(older); }));
  }
  EXPECT_EQ(hours(1).at(0), (LogHour{100, 0, 0, 0, 5, 0}));
  EXPECT_TRUE(read([](Transaction& tx) { return LogStore(tx).batches(100); }).empty());
  EXPECT_FALSE(ingest(older)) << "it does not come back";
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).total_bytes(); }), 70U);
}

TEST_P(LogStoreTest, ATenantsCutHourKeepsNothingThatComesLater) {
  const auto first = batch(1, {{100, {1}, 5, 500, 50}, {100, {2}, 1, 90, 30}, {101, {1}, 2, 200, 20}});
  EXPECT_TRUE(ingest(first));
  const std::vector<std::pair<DomainId, std::uint64_t>> before = {{{1}, 70}, {{2}, 30}};
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).bytes_by_domain(); }), before);
  const std::vector<LogSize> sizes = {{{1}, 100, 50}, {{1}, 101, 20}};
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).sizes(DomainId{1}); }), sizes);
  ASSERT_TRUE(db().write([&](Transaction& tx) { return LogStore(tx).cut(DomainId{1}, 100); }));
  EXPECT_TRUE(ingest(batch(2, {{100, {1}, 3, 300, 40}})));
  const std::vector<LogHour> wanted = {{100, 0, 0, 0, 8, 0}, {101, 2, 200, 20, 0, 0}};
  EXPECT_EQ(hours(1), wanted);
  EXPECT_TRUE(read([](Transaction& tx) { return LogStore(tx).is_cut(DomainId{1}, 100); }));
  EXPECT_FALSE(read([](Transaction& tx) { return LogStore(tx).is_cut(DomainId{2}, 100); }));
  const std::vector<std::pair<DomainId, std::uint64_t>> after = {{{1}, 20}, {{2}, 30}};
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).bytes_by_domain(); }), after);
  ASSERT_TRUE(db().write([&](Transaction& tx) { return LogStore(tx).remove(first); }));
  EXPECT_EQ(hours(1).at(0), (LogHour{100, 0, 0, 0, 8, 0})) << "removed twice is removed once";
}

TEST_P(LogStoreTest, OldHoursAreForgotten) {
  const std::uint32_t before = model::hour_of(now());
  EXPECT_TRUE(ingest(batch(1, {{before, {1}, 5, 500, 50}}, {{17, before, {1}, 4}, {17, 0, {}, 3}})));
  advance(std::chrono::hours(2));
  const std::uint32_t after = model::hour_of(now());
  EXPECT_TRUE(ingest(batch(2, {{before, {1}, 5, 500, 50}, {after, {1}, 1, 10, 9}}, {{18, after, {1}, 2}})));
  const auto old = read([&](Transaction& tx) { return LogStore(tx).batches_before(after, 10); });
  ASSERT_EQ(old, (std::vector<LogBatchName>{{NodeId{7}, UINT64_MAX, 1}}));
  ASSERT_TRUE(db().write([&](Transaction& tx) -> Status {
    YZ_CHECK(LogStore(tx).forget(old[0]));
    return LogStore(tx).drop_hours_before(after);
  }));
  const auto left = read([&](Transaction& tx) { return LogStore(tx).hours(DomainId{1}, 0, after + 1); });
  EXPECT_EQ(left, (std::vector<LogHour>{{after, 1, 10, 9, 0, 2}}));
  EXPECT_EQ(read([](Transaction& tx) { return LogStore(tx).total_lost(); }), 2U) << "of an hour nobody knows, too";
}

}  // namespace
}  // namespace yz::store
