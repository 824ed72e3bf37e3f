#include "net/openssl_memory.h"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace yz::net {
namespace {

TEST(OpensslMemory, BlocksOfAllSizesAreApartAndAlignedAndKeepTheirBytes) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (const std::size_t size :
       {0, 1, 63, 64, 65, 128, 1000, 1024, 1025, 5000, 16384, 16385, 16700, 17408, 17409, 70000}) {
    for (int i = 0; i < 3; ++i) {
      auto* block = static_cast<unsigned char*>(pool_allocate(size));
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U);
      std::memset(block, static_cast<int>(blocks.size()), size);
      blocks.emplace_back(block, size);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (std::size_t k = 0; k < blocks[i].second; ++k) ASSERT_EQ(blocks[i].first[k], i);
    pool_free(blocks[i].first);
  }
  pool_free(nullptr);
}

TEST(OpensslMemory, ABlockThatWasFreedIsTheNextOneGiven) {
  void* first = pool_allocate(16'700);
  pool_free(first);
  void* second = pool_allocate(16'500);
  EXPECT_EQ(first, second);
  pool_free(second);
}

TEST(OpensslMemory, GrowsAndShrinksWithItsBytes) {
  auto* block = static_cast<char*>(pool_reallocate(nullptr, 10));
  std::memcpy(block, "0123456789", 10);
  for (const std::size_t size : {60, 100, 2000, 16'600, 40'000, 50, 3000}) {
    block = static_cast<char*>(pool_reallocate(block, size));
    EXPECT_EQ(std::memcmp(block, "0123456789", 10), 0) << size;
    std::memset(block + 10, 'x', size - 10);
  }
  pool_free(block);
}

TEST(OpensslMemory, BlocksMayBeFreedByAnotherThread) {
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool_allocate(static_cast<std::size_t>(i)));
  std::thread other([&] {
    for (void* block : blocks) pool_free(block);
    for (int i = 0; i < 1000; ++i) pool_free(pool_allocate(static_cast<std::size_t>(i)));
  });
  other.join();
}

}  // namespace
}  // namespace yz::net
