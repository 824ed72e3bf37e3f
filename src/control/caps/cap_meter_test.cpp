#include "control/caps/cap_meter.h"

#include <gtest/gtest.h>

namespace yz::control {
namespace {

using std::chrono::seconds;

constexpr model::DomainId kDomain{1};
constexpr model::TenantId kTenant{5};

class CapMeterTest : public testing::Test {
 protected:
  void count(std::uint64_t bytes, seconds ago = seconds(0), model::Tier tier = model::Tier::kL1,
             model::DomainId domain = kDomain) {
    model::UsageRecord record;
    record.key.domain = domain, record.key.tier = tier;
    record.counts.bytes_out = bytes;
    const model::UsageBatch batch{.node = {1}, .records = {record}, .covers_until = clock_.wall() - ago};
    const store::CountedBatch counted[] = {{&batch, {}}};
    meter_.add(counted, {{kDomain, kTenant}, {{2}, kTenant}});
  }

  ManualClock clock_;
  CapMeter meter_{clock_};
};

TEST_F(CapMeterTest, BandwidthIsTheMeanOfTheLastFiveSeconds) {
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 0U);
  for (int i = 0; i < 20; ++i) {
    count(1'000);
    clock_.advance(seconds(1));
  }
  count(1'000);
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 8'000U);
  EXPECT_EQ(meter_.of(kDomain).bytes, 21'000U);
  clock_.advance(seconds(3));
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 2U * 8'000 / 5);
  clock_.advance(seconds(60));
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 0U);
  EXPECT_EQ(meter_.of(kDomain).bytes, 21'000U);
}

TEST_F(CapMeterTest, ABurstShowsAtOnceAndIsNotOverstated) {
  count(5'000'000);
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 8'000'000U);
}

TEST_F(CapMeterTest, ATenantsDomainsAreSummedAndTiersAreNot) {
  count(1'000);
  count(2'000, seconds(0), model::Tier::kL1, {2});
  count(4'000, seconds(0), model::Tier::kL2);
  count(8'000, seconds(0), model::Tier::kL1, {3});
  EXPECT_EQ(meter_.of(kDomain).bytes, 1'000U);
  EXPECT_EQ(meter_.of(kTenant).bytes, 3'000U) << "domain 3 is nobody's";
}

TEST_F(CapMeterTest, WhatANodeDeliversLateIsTrafficButNotBandwidth) {
  count(1'000, seconds(14));
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 1'600U);
  count(1'000'000, seconds(16));
  EXPECT_EQ(meter_.of(kDomain).bits_per_second, 1'600U);
  EXPECT_EQ(meter_.of(kDomain).bytes, 1'001'000U);
}

}  // namespace
}  // namespace yz::control
