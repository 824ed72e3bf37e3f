#include "cache/disk/disk_index.h"

#include <map>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/random.h"

namespace yz::cache {
namespace {

constexpr std::uint64_t kGib = 1ULL << 30;

TEST(DiskIndex, FindsWhatWasPutAndCountsHits) {
  MemoryBudget budget(mib(64));
  DiskIndex index(budget, kGib);
  const Hash128 slot{0x123456789abcdef0, 77};
  EXPECT_FALSE(index.find(slot));
  ASSERT_TRUE(index.put(slot, 4096, 1000));
  EXPECT_EQ(index.find(slot)->unit, 4096U);
  EXPECT_EQ(index.find(slot)->size, 1024U);
  EXPECT_EQ(index.find(slot)->hits, 0);
  for (int i = 0; i < 5; ++i) (void)index.touch(slot);
  EXPECT_EQ(index.find(slot)->hits, DiskIndex::kMaxHits);
  EXPECT_FALSE(index.move(slot, 1, 2));
  EXPECT_TRUE(index.move(slot, 4096, 8192));
  EXPECT_EQ(*index.find(slot), (DiskIndex::Place{8192, 1024, 0}));
  EXPECT_FALSE(index.erase_at(slot, 4096));
  EXPECT_TRUE(index.erase_at(slot, 8192));
  EXPECT_EQ(index.size(), 0U);
}

TEST(DiskIndex, ARecordsSizeIsRoundedUpByAtMostAQuarter) {
  MemoryBudget budget(mib(64));
  DiskIndex index(budget, kGib);
  for (std::uint32_t size = 64; size <= DiskIndex::kMaxSize; size += 64 + size / 97 / 64 * 64) {
    ASSERT_TRUE(index.put({1, 1}, 5, size));
    const std::uint32_t told = index.find({1, 1})->size;
    ASSERT_GE(told, size);
    ASSERT_LE(told, std::max(512U, size + size / 4)) << size;
  }
}

TEST(DiskIndex, AMillionRecordsTakeAtMostElevenBytesEach) {
  MemoryBudget budget(mib(64));
  const auto bytes_each = [&](std::uint64_t device, int records) {
    DiskIndex index(budget, device);
    Random random(1);
    for (int i = 0; i < records; ++i) {
      EXPECT_TRUE(index.put({random.next(), random.next()}, random.below(device / 64), 1500));
    }
    EXPECT_GE(budget.used() + device / 1'000'000, index.memory());  // all of it is charged but the first heads
    return static_cast<double>(index.memory()) / records;
  };
  EXPECT_LE(bytes_each(20 * kGib, 1'000'000), 11.0);
  EXPECT_LE(bytes_each(2 * kGib, 200'000), 11.0);
  EXPECT_LE(bytes_each(20 * kGib, 200'000), 11.0);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(DiskIndex, BehavesAsAMapWhileItGrowsAndShrinks) {
  MemoryBudget budget(mib(64));
  DiskIndex index(budget, kGib);
  std::map<Hash128, std::uint64_t> model;
  std::vector<Hash128> keys;
  Random random(7);
  for (int i = 0; i < 40'000; ++i) keys.push_back({random.next(), random.next()});
  std::uint64_t mistaken = 0;
  for (int step = 0; step < 300'000; ++step) {
    const Hash128 key = keys[random.below(keys.size())];
    if (random.below(3) != 0) {
      const std::uint64_t unit = random.below(1 << 24);
      ASSERT_TRUE(index.put(key, unit, 600));
      model[key] = unit;
    } else {
      index.erase(key);
      model.erase(key);
    }
  }
  for (const Hash128 key : keys) {
    const auto found = index.find(key);
    const auto expected = model.find(key);
    const bool is_same = expected == model.end() ? !found : found && found->unit == expected->second;
    mistaken += is_same ? 0 : 1;
  }
  EXPECT_LE(mistaken, 40U);  // keys that look the same: about one in a thousand at most
  index.erase_range(0, 1 << 23);
  for (const auto& [key, unit] : model) {
    const auto found = index.find(key);
    if (found) EXPECT_GE(found->unit, 1U << 23);
  }
  index.erase_range(0, 1ULL << 36);
  EXPECT_EQ(index.size(), 0U);
}

TEST(DiskIndex, WithoutMemoryNothingChanges) {
  MemoryBudget budget(kib(100));
  DiskIndex index(budget, kGib);
  Random random(3);
  bool is_full = false;
  for (int i = 0; i < 100'000 && !is_full; ++i) is_full = !index.put({random.next(), random.next()}, 1, 600);
  EXPECT_TRUE(is_full);
  EXPECT_LE(budget.used(), budget.limit());
  index.clear();
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_TRUE(index.put({1, 2}, 3, 600));
}

}  // namespace
}  // namespace yz::cache
