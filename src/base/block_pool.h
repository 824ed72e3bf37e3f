#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace yz {

/// Memory for coroutine frames and other short-lived blocks: a free list per thread and size class, so that a frame
/// costs a few instructions instead of a trip to the allocator. A block may be released on another thread than the one
/// that took it. Under a sanitizer every block goes straight to the allocator, so that misuse is seen.
class BlockPool {
 public:
  /// At least `size` bytes, aligned for any type. Never fails: running out of memory ends the process.
  [[nodiscard]] static void* allocate(std::size_t size);
  /// Gives a block back; `size` as it was asked for.
  static void release(void* block, std::size_t size) noexcept;
};

/// BlockPool as an allocator of the standard library, for what lives as long as a request.
template <typename T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <typename U>
  PoolAllocator(const PoolAllocator<U>&) {}  // NOLINT: rebound by containers
  [[nodiscard]] T* allocate(std::size_t count) {
    YZ_ASSERT(count <= SIZE_MAX / sizeof(T));
    return static_cast<T*>(BlockPool::allocate(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept { BlockPool::release(block, count * sizeof(T)); }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

}  // namespace yz
