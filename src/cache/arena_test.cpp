#include "cache/arena.h"

#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/result.h"

namespace yz::cache {
namespace {

struct Held {
  char* memory;
  std::size_t size;
  char mark;
};

/// Takes a block and fills it with a mark.
bool take(Arena& arena, std::vector<Held>& all, std::size_t size, char mark) {
  auto* const memory = static_cast<char*>(arena.take(size));
  if (memory == nullptr) return false;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 8, 0U);
  EXPECT_GE(arena.size_of(memory), size + 4);
  EXPECT_LE(arena.size_of(memory), size + 4 + 20);
  std::memset(memory, mark, size);
  all.push_back({memory, size, mark});
  return true;
}

void give_back(Arena& arena, std::vector<Held>& all, std::size_t i) {
  for (std::size_t k = 0; k < all[i].size; k += 97) ASSERT_EQ(all[i].memory[k], all[i].mark);
  ASSERT_EQ(all[i].memory[all[i].size - 1], all[i].mark);
  arena.give_back(all[i].memory);
  all[i] = all.back();
  all.pop_back();
}

TEST(Arena, BlocksNeverOverlapAndAllMemoryComesBack) {
  MemoryBudget budget(mib(4));
  {
    Arena arena(budget, mib(4));
    const std::uint64_t at_rest = budget.used();
    Random random(1);
    std::vector<Held> all;
    for (int i = 0; i < 200'000; ++i) {
      const std::size_t size = random.below(20) == 0 ? random.below(32'000) + 1 : random.below(2'000) + 1;
      if (random.below(2) == 0 || !take(arena, all, size, static_cast<char>(i))) {
        if (!all.empty()) give_back(arena, all, random.below(all.size()));
      }
      ASSERT_LE(budget.used(), budget.limit());
      ASSERT_LE(arena.usage().taken, arena.usage().held);
    }
    while (!all.empty()) give_back(arena, all, all.size() - 1);
    EXPECT_EQ(arena.usage().taken, 0U);
    (void)arena.trim(UINT64_MAX);
    EXPECT_EQ(budget.used(), at_rest);
    // One block again: all but the ends of it can be had at once.
    void* const whole = arena.take(mib(4).value - 8192 - 64);
    ASSERT_NE(whole, nullptr);
    arena.give_back(whole);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(Arena, SmallBlocksCostFourBytesAndTheRestToEight) {
  MemoryBudget budget(mib(8));
  Arena arena(budget, mib(8));
  std::vector<void*> all;
  const std::uint64_t before = arena.usage().held;
  for (int i = 0; i < 5'000; ++i) {
    all.push_back(arena.take(1'300));
    ASSERT_NE(all.back(), nullptr);
  }
  EXPECT_LE(arena.usage().held - before, 5'000 * 1'304 + 8192);
  for (void* memory : all) arena.give_back(memory);
}

TEST(Arena, PagesAreChargedWhenTouchedAndGoBackWhenTrimmed) {
  MemoryBudget budget(mib(16));
  Arena arena(budget, mib(16));
  EXPECT_LT(budget.used(), 32'768U);
  std::vector<Held> all;
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(take(arena, all, 8'000, 'a'));
  EXPECT_GT(budget.used(), 8'000'000U);
  void* const pin = arena.take(100);
  while (!all.empty()) give_back(arena, all, all.size() - 1);
  EXPECT_GT(budget.used(), 8'000'000U) << "kept for what comes next";
  EXPECT_GT(arena.trim(100'000), 100'000U);
  (void)arena.trim(UINT64_MAX);
  EXPECT_LT(budget.used(), 65'536U);
  arena.give_back(pin);
}

TEST(Arena, RefusesWhatTheBudgetHasNoRoomForAndChangesNothing) {
  MemoryBudget budget(mib(2));
  Arena arena(budget, mib(2));
  ASSERT_TRUE(budget.try_charge(mib(1).value));  // somebody else's
  std::vector<Held> all;
  while (take(arena, all, 5'000, 'b')) {
  }
  EXPECT_LE(budget.used(), budget.limit());
  EXPECT_GT(all.size(), 190U);
  EXPECT_EQ(arena.take(mib(3).value), nullptr);
  budget.release(mib(1).value);
  EXPECT_TRUE(take(arena, all, 5'000, 'c'));
  while (!all.empty()) give_back(arena, all, 0);
}

TEST(Arena, PagesOfHolesServeWhatNeedsALargeBlock) {
  MemoryBudget budget(mib(2));
  Arena arena(budget, mib(4));
  std::vector<Held> all;
  while (take(arena, all, 15'000, 'd')) {
  }
  for (std::size_t i = 0; i < all.size() / 2; ++i) give_back(arena, all, i);  // every second one
  EXPECT_TRUE(take(arena, all, 200'000, 'e')) << "the addresses are there, and the holes have the pages";
  while (!all.empty()) give_back(arena, all, 0);
}

TEST(Arena, LinksNameBlocks) {
  MemoryBudget budget(mib(1));
  Arena arena(budget, mib(1));
  void* const one = arena.take(10);
  void* const two = arena.take(10);
  EXPECT_EQ(arena.at(arena.link_to(one)), one);
  EXPECT_EQ(arena.at(arena.link_to(two)), two);
  EXPECT_NE(arena.link_to(one), 0U);
  EXPECT_EQ(arena.at(0), nullptr);
  EXPECT_EQ(arena.link_to(nullptr), 0U);
  EXPECT_EQ(&Arena::of(arena.id()), &arena);
  arena.give_back(one);
  arena.give_back(two);
}

TEST(Arena, ServesManyThreads) {
  MemoryBudget budget(mib(8));
  Arena arena(budget, mib(8));
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      Random random(seed);
      std::vector<Held> all;
      for (int i = 0; i < 20'000; ++i) {
        if (random.below(2) == 0 || !take(arena, all, random.below(3'000) + 1, static_cast<char>(seed))) {
          if (!all.empty()) give_back(arena, all, random.below(all.size()));
        }
        if (i % 1'000 == 0) (void)arena.trim(kib(64).value);
      }
      while (!all.empty()) give_back(arena, all, 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(arena.usage().taken, 0U);
}

}  // namespace
}  // namespace yz::cache
