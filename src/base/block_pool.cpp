#include "base/block_pool.h"

#include <array>
#include <cstdlib>
#include <new>

#include "base/result.h"
#include "base/sanitizer.h"

namespace yz {

namespace {

[[maybe_unused]] constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 128;  // up to 8 KiB; larger blocks go to the allocator
[[maybe_unused]] constexpr std::size_t kMaxCachedBytes = 512 * 1024;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  std::size_t count = 0;
};

// Trivial on purpose: reachable until the thread is gone, without a guard on each access.
struct ThreadLists {
  std::array<FreeList, kClasses> lists;
  bool is_closed;
};
[[maybe_unused]] constinit thread_local ThreadLists thread_lists{};

/// Returns the thread's blocks to the allocator when the thread ends.
struct Sweeper {
  ~Sweeper() {
    thread_lists.is_closed = true;
    for (FreeList& list : thread_lists.lists) {
      while (list.head != nullptr) std::free(std::exchange(list.head, list.head->next));
      list.count = 0;
    }
  }
  void touch() const {}
};
[[maybe_unused]] thread_local const Sweeper sweeper;

void* allocate_or_die(std::size_t size) {
  void* block = std::malloc(size);
  YZ_ASSERT(block != nullptr);
  return block;
}

}  // namespace

#if YZ_SANITIZER

void* BlockPool::allocate(std::size_t size) { return allocate_or_die(size); }
void BlockPool::release(void* block, std::size_t) noexcept { std::free(block); }

#else

void* BlockPool::allocate(std::size_t size) {
  const std::size_t index = (size - 1) / kStep;
  if (index >= kClasses) return allocate_or_die(size);
  FreeList& list = thread_lists.lists[index];
  if (list.head != nullptr) {
    --list.count;
    return std::exchange(list.head, list.head->next);
  }
  sweeper.touch();
  return allocate_or_die((index + 1) * kStep);
}

void BlockPool::release(void* block, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / kStep;
  if (index >= kClasses) return std::free(block);
  ThreadLists& lists = thread_lists;
  FreeList& list = lists.lists[index];
  if (lists.is_closed || list.count * (index + 1) * kStep >= kMaxCachedBytes) return std::free(block);
  auto* free_block = static_cast<FreeBlock*>(block);
  free_block->next = list.head;
  list.head = free_block;
  ++list.count;
}

#endif

}  // namespace yz
