#include "store/usage_store.h"

#include "store/store_test.h"

namespace yz::store {
namespace {

using model::CacheResult;
using model::Tier;

class UsageStoreTest : public StoreTest {
 protected:
  static model::UsageRecord record(std::uint32_t minute, std::uint64_t domain, std::uint64_t requests,
                                   CacheResult result = CacheResult::kHit, Tier tier = Tier::kL1) {
    return {.key = {.minute = minute, .domain = {domain}, .tier = tier, .status_class = 2, .cache_result = result},
            .counts = {.requests = requests,
                       .bytes_out = requests * 1000,
                       .bytes_in = requests * 10,
                       .origin_requests = 1,
                       .origin_bytes = 7,
                       .duration_us = requests * 100}};
  }
  bool ingest(const model::UsageBatch& batch) {
    return write([&](Transaction& tx) { return UsageStore(tx).ingest(batch, now()); });
  }
  std::vector<UsagePoint> totals(UsageQuery query) {
    return read([&](Transaction& tx) { return UsageStore(tx).totals(query); });
  }
  std::vector<UsagePoint> series(UsageQuery query) {
    return read([&](Transaction& tx) { return UsageStore(tx).series(query); });
  }
};
YZ_ON_BOTH_ENGINES(UsageStoreTest);

TEST_P(UsageStoreTest, ABatchCountsOnceHoweverOftenItArrives) {
  const model::UsageBatch batch{.node = {1}, .epoch = UINT64_MAX, .number = 1, .records = {record(100, 1, 5)}};
  EXPECT_TRUE(ingest(batch));
  EXPECT_FALSE(ingest(batch));
  const auto points = totals({.domains = {}, .from_minute = 100, .to_minute = 101, .step = UsageStep::kMinute});
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].counts, batch.records[0].counts);
}

TEST_P(UsageStoreTest, BatchesThatComeTogetherCountOnceEach) {
  const auto batch = [&](std::uint64_t node, std::uint64_t number) {
    return model::UsageBatch{.node = {node}, .epoch = 1, .number = number, .records = {record(100, 1, number)}};
  };
  ASSERT_TRUE(ingest(batch(2, 10)));
  const std::vector<model::UsageBatch> together{batch(1, 1), batch(1, 2), batch(1, 1), batch(2, 10), batch(2, 20)};
  const auto fresh = write([&](Transaction& tx) { return UsageStore(tx).ingest(together, now()); });
  EXPECT_EQ(fresh, (std::vector{&together[0], &together[1], &together[4]}));
  EXPECT_EQ(totals({.domains = {}, .from_minute = 100, .to_minute = 105}).at(0).counts.requests, 33u);
}

TEST_P(UsageStoreTest, NodeEpochAndNumberNameABatch) {
  for (const auto& [node, epoch, number] :
       std::initializer_list<std::array<std::uint64_t, 3>>{{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {1, 1, 2}}) {
    EXPECT_TRUE(ingest({.node = {node}, .epoch = epoch, .number = number, .records = {record(100, 1, 1)}}));
  }
  EXPECT_EQ(totals({.domains = {}, .from_minute = 100, .to_minute = 105}).at(0).counts.requests, 4u);
}

TEST_P(UsageStoreTest, StepsAddUpToTheSameTotal) {
  model::UsageBatch batch{.node = {1}, .epoch = 1, .number = 1, .records = {}};
  for (std::uint32_t minute = 1440; minute < 2880; minute += 7) {
    for (std::uint64_t d = 1; d <= 2; ++d) batch.records.push_back(record(minute, d, minute));
  }
  ASSERT_TRUE(ingest(batch));
  model::UsageCounts expected;
  for (const auto& r : batch.records) expected += r.counts;
  for (const UsageStep step : {UsageStep::kMinute, UsageStep::kFiveMinutes, UsageStep::kHour, UsageStep::kDay}) {
    model::UsageCounts sum;
    const auto points = totals({.domains = {}, .from_minute = 1440, .to_minute = 2880, .step = step});
    for (const auto& point : points) {
      EXPECT_EQ(point.key.minute % static_cast<std::uint32_t>(step), 0u);
      sum += point.counts;
    }
    EXPECT_EQ(sum, expected);
  }
  EXPECT_EQ(totals({.domains = {}, .from_minute = 1440, .to_minute = 2880, .step = UsageStep::kDay}).size(), 2u);
}

TEST_P(UsageStoreTest, SumsStayExactBeyondTheRangeOfADouble) {
  auto big = record(100, 1, 1);
  big.counts.bytes_out = (1ULL << 60) + 1;
  EXPECT_TRUE(ingest({.node = {1}, .epoch = 1, .number = 1, .records = {big}}));
  big.counts.bytes_out = (1ULL << 60) + 2;
  big.key.cache_result = CacheResult::kMiss;
  EXPECT_TRUE(ingest({.node = {1}, .epoch = 1, .number = 2, .records = {big}}));
  EXPECT_EQ(totals({.domains = {}, .from_minute = 100, .to_minute = 105}).at(0).counts.bytes_out, (1ULL << 61) + 3);
}

TEST_P(UsageStoreTest, QueriesChooseDomainsTimesAndTier) {
  ASSERT_TRUE(ingest({.node = {1},
                      .epoch = 1,
                      .number = 1,
                      .records = {record(100, 1, 1), record(101, 1, 2, CacheResult::kMiss), record(101, 2, 4),
                                  record(101, 1, 8, CacheResult::kHit, Tier::kL2), record(110, 1, 16)}}));
  const auto requests = [&](UsageQuery query) {
    std::uint64_t sum = 0;
    for (const auto& point : totals(query)) sum += point.counts.requests;
    return sum;
  };
  EXPECT_EQ(requests({.domains = {}, .from_minute = 100, .to_minute = 110, .step = UsageStep::kMinute}), 15u);
  EXPECT_EQ(requests({.domains = {{1}}, .from_minute = 100, .to_minute = 110, .step = UsageStep::kMinute}), 11u);
  EXPECT_EQ(
      requests(
          {.domains = {{1}, {2}}, .from_minute = 101, .to_minute = 111, .step = UsageStep::kMinute, .tier = Tier::kL1}),
      22u);
  EXPECT_EQ(requests({.domains = {{9}}, .from_minute = 0, .to_minute = 1000}), 0u);
  EXPECT_EQ(requests({.domains = {}, .from_minute = 103, .to_minute = 104}), 15u) << "widened to 100-105";

  const auto detail = series({.domains = {{1}}, .from_minute = 100, .to_minute = 105});
  ASSERT_EQ(detail.size(), 3u);
  EXPECT_EQ(detail[0].key.cache_result, CacheResult::kHit);
  EXPECT_EQ(detail[1].key.cache_result, CacheResult::kMiss);
  EXPECT_EQ(detail[1].counts.requests, 2u);
  EXPECT_EQ(detail[2].key.tier, Tier::kL2);
}

TEST_P(UsageStoreTest, OldBatchesAreForgotten) {
  const model::UsageBatch batch{.node = {1}, .epoch = 1, .number = 1, .records = {record(100, 1, 1)}};
  ASSERT_TRUE(ingest(batch));
  const auto drop = [&](WallTime before) {
    return write([&](Transaction& tx) { return UsageStore(tx).drop_batches_before(before); });
  };
  EXPECT_EQ(drop(now()), 0u);
  EXPECT_FALSE(ingest(batch));
  EXPECT_EQ(drop(now() + std::chrono::seconds(1)), 1u);
}

TEST_P(UsageStoreTest, OldMinutesGoAndTheirSumsStay) {
  ASSERT_TRUE(ingest({.node = {1}, .epoch = 1, .number = 1, .records = {record(100, 1, 1), record(200, 1, 2)}}));
  EXPECT_EQ(write([](Transaction& tx) { return UsageStore(tx).drop_minutes_before(150); }), 1u);
  EXPECT_EQ(totals({.domains = {}, .from_minute = 0, .to_minute = 300, .step = UsageStep::kMinute}).size(), 1u);
  EXPECT_EQ(totals({.domains = {}, .from_minute = 0, .to_minute = 300}).size(), 2u);
}

}  // namespace
}  // namespace yz::store
