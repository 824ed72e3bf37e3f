#include "store/statistics_store.h"

#include "base/random.h"
#include "store/domain_store.h"
#include "store/store_test.h"

namespace yz::store {
namespace {

using model::CacheResult;
using model::Tier;
using std::chrono::seconds;

constexpr std::uint16_t kChina = 'C' << 8 | 'N';

class StatisticsStoreTest : public StoreTest {
 protected:
  static model::UsageRecord record(std::uint32_t minute, std::uint64_t domain, std::uint64_t requests) {
    model::UsageRecord out;
    out.key.minute = minute;
    out.key.domain = {domain};
    out.key.cache_result = CacheResult::kHit;
    out.key.protocol = model::Protocol::kHttp1;
    out.key.country = kChina;
    out.counts = {requests, requests * 1000, requests * 10, 1, 7, requests * 100};
    return out;
  }
  void add(model::UsageBatch batch, UsageOrigin origin = {{1}, {5}, "CN"}) {
    batch.node = origin.node;
    add_together({{&batch, std::move(origin)}});
  }
  void add_together(const std::vector<CountedBatch>& batches) {
    EXPECT_TRUE(db().write([&](Transaction& tx) -> Status {
      YZ_TRY(const UsageOwners owners, StatisticsStore(tx).owners(batches));
      return StatisticsStore(tx).add(batches, owners);
    }));
  }
  std::vector<StatisticsPoint> series(const StatisticsQuery& query) {
    return read([&](Transaction& tx) { return StatisticsStore(tx).series(query); });
  }
  std::vector<UsageStretch> gaps(WallTime from, WallTime until) {
    return read([&](Transaction& tx) { return StatisticsStore(tx).gaps(from, until); });
  }
};
YZ_ON_BOTH_ENGINES(StatisticsStoreTest);

TEST_P(StatisticsStoreTest, EverySumInEveryStepIsTheSumOfTheRecords) {
  Random random(7);
  model::UsageBatch batch;
  model::UsageCounts expected[2];
  for (int i = 0; i < 300; ++i) {
    auto one = record(static_cast<std::uint32_t>(2 * 1440 + random.below(2 * 1440)), 1 + random.below(3),
                      1 + random.below(100));
    one.key.tier = random.below(4) == 0 ? Tier::kL2 : Tier::kL1;
    one.key.status_class = static_cast<std::uint8_t>(1 + random.below(5));
    one.key.cache_result = static_cast<CacheResult>(random.below(6));
    one.key.isp = static_cast<std::uint8_t>(random.below(4));
    one.key.province = static_cast<std::uint8_t>(random.below(35));
    expected[static_cast<int>(one.key.tier)] += one.counts;
    batch.records.push_back(one);
  }
  add(batch);
  for (const auto step :
       {StatisticsStep::kMinute, StatisticsStep::kFiveMinutes, StatisticsStep::kHour, StatisticsStep::kDay}) {
    for (std::uint64_t f = 0; f <= static_cast<std::uint64_t>(Facet::kTenant); ++f) {
      const auto facet = static_cast<Facet>(f);
      if (!is_kept(step, Scope::kAll, facet)) continue;
      for (const Tier tier : {Tier::kL1, Tier::kL2}) {
        StatisticsCounts sum;
        for (const auto& point : series({.scope = Scope::kAll,
                                         .facet = facet,
                                         .step = step,
                                         .tier = tier,
                                         .from_minute = 2 * 1440,
                                         .to_minute = 4 * 1440})) {
          EXPECT_EQ(point.minute % static_cast<std::uint32_t>(step), 0U);
          sum += point.counts;
        }
        EXPECT_EQ(sum.usage, expected[static_cast<int>(tier)]) << f;
      }
    }
  }
}

TEST_P(StatisticsStoreTest, ScopesAndFacetsAreToldApart) {
  add_basics();
  const auto domain = add_domain("www.a.com").value.id.value;
  auto miss = record(101, domain, 2);
  miss.key.cache_result = CacheResult::kMiss;
  miss.key.isp = 2;
  miss.key.province = 1;
  miss.key.is_tls = true;
  add({.records = {record(100, domain, 1), miss, record(100, 99, 4)}});
  add({.records = {record(103, domain, 8)}}, {{2}, {6}, "CN"});

  const StatisticsQuery of_domain{.scope = Scope::kDomain, .id = domain, .from_minute = 100, .to_minute = 105};
  auto points = series(of_domain);
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].counts.usage.requests, 11U);
  EXPECT_EQ(points[0].counts.hits, 9U);
  EXPECT_EQ(points[0].counts.hit_bytes, 9000U);

  const auto by = [&](Scope scope, std::uint64_t id, Facet facet) {
    std::map<std::uint64_t, std::uint64_t> out;
    for (const auto& point : series({.scope = scope, .id = id, .facet = facet, .from_minute = 100, .to_minute = 105})) {
      out[point.value] += point.counts.usage.requests;
    }
    return out;
  };
  using Map = std::map<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(by(Scope::kTenant, 1, Facet::kIsp), (Map{{0, 9}, {2, 2}}));
  EXPECT_EQ(by(Scope::kTenant, 1, Facet::kRegion), (Map{{kChina << 8, 9}, {kChina << 8 | 1, 2}}));
  EXPECT_EQ(by(Scope::kTenant, 1, Facet::kProtocol), (Map{{1, 9}, {17, 2}}));
  EXPECT_EQ(by(Scope::kDomain, domain, Facet::kGroup), (Map{{5, 3}, {6, 8}}));
  EXPECT_EQ(by(Scope::kAll, 0, Facet::kNode), (Map{{1, 7}, {2, 8}}));
  EXPECT_EQ(by(Scope::kAll, 0, Facet::kTenant), (Map{{0, 4}, {1, 11}})) << "domain 99 is nobody's";
  EXPECT_EQ(by(Scope::kAll, 0, Facet::kDomain), (Map{{domain, 11}, {99, 4}}));
  EXPECT_EQ(by(Scope::kNode, 2, Facet::kCache), (Map{{1, 8}}));

  const auto top = read([&](Transaction& tx) {
    return StatisticsStore(tx).ranking({.facet = Facet::kDomain, .from_minute = 100, .to_minute = 105}, 1);
  });
  EXPECT_EQ(top, (std::vector<std::uint64_t>{domain}));
  const auto rest = read([&](Transaction& tx) {
    return StatisticsStore(tx).series_of({.facet = Facet::kDomain, .tier = {}, .from_minute = 100, .to_minute = 105},
                                         {99});
  });
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].counts.usage.bytes_out, 4000U);
}

TEST_P(StatisticsStoreTest, BatchesAddedTogetherMakeTheSameSumsAndStretches) {
  const auto at = [](int second) { return WallTime(std::chrono::seconds(6'000 + second)); };
  const auto batch = [&](std::uint64_t node, int from, int until, std::uint64_t requests) {
    return model::UsageBatch{
        .node = {node}, .records = {record(100, 9, requests)}, .covers_from = at(from), .covers_until = at(until)};
  };
  add(batch(1, 0, 1, 1), {{1}, {5}, "CN"});
  const std::vector<model::UsageBatch> batches{batch(1, 2, 3, 2), batch(2, 0, 5, 4), batch(1, 1, 2, 8),
                                               batch(1, 7, 8, 16)};
  std::vector<CountedBatch> counted;
  for (const auto& one : batches) counted.push_back({&one, {one.node, {5}, "CN"}});
  add_together(counted);
  const auto of_node = [&](std::uint64_t node) {
    return series({.scope = Scope::kNode, .id = node, .from_minute = 100, .to_minute = 105})
        .at(0)
        .counts.usage.requests;
  };
  EXPECT_EQ(of_node(1), 27U);
  EXPECT_EQ(of_node(2), 4U);
  const auto stretches = read([](Transaction& tx) { return StatisticsStore(tx).coverage(); });
  EXPECT_EQ(stretches, (std::vector<UsageStretch>{{{1}, at(0), at(3)}, {{1}, at(7), at(8)}, {{2}, at(0), at(5)}}));
  add(batch(1, 3, 7, 32), {{1}, {5}, "CN"});
  EXPECT_EQ(gaps(at(0), at(5)), (std::vector<UsageStretch>{}));
}

TEST_P(StatisticsStoreTest, WhatIsLateForARemovedDomainIsStillItsTenants) {
  add_basics();
  const auto domain = add_domain("www.a.com");
  add({.records = {record(100, domain.value.id.value, 1)}});
  ASSERT_TRUE(db().write([&](Transaction& tx) { return DomainStore(tx).remove(author(), domain.value.id); }));
  add({.records = {record(101, domain.value.id.value, 2)}});
  const auto points = series({.scope = Scope::kTenant, .id = 1, .from_minute = 100, .to_minute = 105});
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].counts.usage.requests, 3U);
}

TEST_P(StatisticsStoreTest, WhatDidNotArriveIsNamedByNodeAndTime) {
  const auto cover = [&](std::uint64_t node, int from, int until) {
    add({.records = {}, .covers_from = now() + seconds(from), .covers_until = now() + seconds(until)},
        {{node}, {1}, ""});
  };
  cover(1, 0, 10);
  cover(1, 20, 30);  // before the one between
  cover(2, 5, 60);
  using List = std::vector<UsageStretch>;
  EXPECT_EQ(gaps(now(), now() + seconds(60)),
            (List{{{1}, now() + seconds(10), now() + seconds(20)}, {{1}, now() + seconds(30), now() + seconds(60)}}));
  cover(1, 10, 20);
  cover(1, 30, 70);
  EXPECT_EQ(gaps(now(), now() + seconds(60)), List{});
  EXPECT_EQ(read([](Transaction& tx) { return StatisticsStore(tx).coverage(); }),
            (List{{{1}, now(), now() + seconds(70)}, {{2}, now() + seconds(5), now() + seconds(60)}}));
}

TEST_P(StatisticsStoreTest, EachStepIsKeptForItsOwnTime) {
  add({.records = {record(100, 1, 1), record(3000, 1, 2)}});
  EXPECT_GT(write([](Transaction& tx) { return StatisticsStore(tx).drop_before(StatisticsStep::kMinute, 1000); }), 0U);
  EXPECT_EQ(series({.step = StatisticsStep::kMinute, .from_minute = 0, .to_minute = 5000}).size(), 1U);
  EXPECT_EQ(series({.step = StatisticsStep::kDay, .from_minute = 0, .to_minute = 1440 * 4}).size(), 2U);
}

}  // namespace
}  // namespace yz::store
