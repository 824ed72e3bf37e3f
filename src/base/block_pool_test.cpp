#include "base/block_pool.h"

#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(BlockPool, GivesBlocksThatDoNotOverlap) {
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{8192}, std::size_t{8193}}) {
    for (int i = 0; i < 20; ++i) {
      auto* block = static_cast<char*>(BlockPool::allocate(size));
      std::memset(block, static_cast<int>(blocks.size()), size);
      blocks.emplace_back(block, size);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto [block, size] = blocks[i];
    for (std::size_t at = 0; at < size; ++at) ASSERT_EQ(static_cast<unsigned char>(block[at]), i);
    BlockPool::release(block, size);
  }
}

TEST(BlockPool, TakesBlocksBackFromOtherThreadsAndAfterTheirEnd) {
  void* block = BlockPool::allocate(100);
  std::thread([&] {
    BlockPool::release(block, 100);
    block = BlockPool::allocate(200);
    std::memset(block, 1, 200);
  }).join();
  std::memset(block, 2, 200);
  BlockPool::release(block, 200);
}

TEST(PoolAllocator, HoldsAVectorThatGrows) {
  std::vector<int, PoolAllocator<int>> numbers;
  for (int i = 0; i < 10'000; ++i) numbers.push_back(i);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i);
  EXPECT_EQ((std::vector<int, PoolAllocator<int>>(numbers)), numbers);
}

}  // namespace
}  // namespace yz
