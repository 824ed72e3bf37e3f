#pragma once

#include <cstddef>

namespace yz::io {

/// Memory for coroutine frames and other short-lived blocks: a free list per thread and size class, so that a frame
/// costs a few instructions instead of a trip to the allocator. A block may be released on another thread than the one
/// that took it. Under a sanitizer every block goes straight to the allocator, so that misuse is seen.
class FramePool {
 public:
  /// At least `size` bytes, aligned for any type. Never fails: running out of memory ends the process.
  [[nodiscard]] static void* allocate(std::size_t size);
  /// Gives a block back; `size` as it was asked for.
  static void release(void* block, std::size_t size) noexcept;
};

}  // namespace yz::io
