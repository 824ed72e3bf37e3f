#include "net/openssl_memory.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <openssl/crypto.h>

#include "base/sanitizer.h"

namespace yz::net {

namespace {

/// Small blocks in steps of 64 bytes, and one class for the buffers of records.
constexpr std::size_t kStep = 64;
constexpr std::size_t kLargestSmall = 1024;  // the largest of the small ones
constexpr std::size_t kBuffer = 17 * 1024;
constexpr std::size_t kLeastBuffer = 16 * 1024;
constexpr std::uint32_t kClasses = kLargestSmall / kStep + 1;
constexpr std::uint32_t kUnpooled = kClasses;
/// Blocks a thread keeps of each class.
constexpr std::uint32_t kMostKept = 256;
constexpr std::uint32_t kMostBuffersKept = 32;

/// Before each block; keeps the alignment of malloc.
struct alignas(16) Header {
  Header* next;
  std::uint32_t kind;
  std::uint32_t size;  // without the header, when not pooled: what was asked for
};

struct Lists {
  std::array<Header*, kClasses> first;
  std::array<std::uint32_t, kClasses> count;
  bool is_closed;
};
constinit thread_local Lists t_lists{};

/// Gives back what a thread kept when it ends; blocks freed after that go straight to malloc.
struct Closer {
  ~Closer() {
    t_lists.is_closed = true;
    for (Header*& first : t_lists.first) {
      while (first != nullptr) std::free(std::exchange(first, first->next));
    }
  }
};

std::uint32_t class_of(std::size_t size) {
  if (size <= kLargestSmall) return static_cast<std::uint32_t>((size + kStep - 1) / kStep - (size == 0 ? 0 : 1));
  return size > kLeastBuffer && size <= kBuffer ? kClasses - 1 : kUnpooled;
}
std::size_t capacity_of(std::uint32_t kind) { return kind == kClasses - 1 ? kBuffer : (kind + 1) * kStep; }

}  // namespace

void* pool_allocate(std::size_t size) noexcept {
  const std::uint32_t kind = class_of(size);
  if (kind != kUnpooled) {
    if (Header* block = t_lists.first[kind]) {
      t_lists.first[kind] = block->next;
      --t_lists.count[kind];
      return block + 1;
    }
  }
  const std::size_t capacity = kind == kUnpooled ? size : capacity_of(kind);
  auto* block = static_cast<Header*>(std::malloc(sizeof(Header) + capacity));
  if (block == nullptr) return nullptr;
  block->kind = kind;
  block->size = static_cast<std::uint32_t>(capacity);
  return block + 1;
}

void pool_free(void* memory) noexcept {
  if (memory == nullptr) return;
  auto* block = static_cast<Header*>(memory) - 1;
  const std::uint32_t kind = block->kind;
  const std::uint32_t most = kind == kClasses - 1 ? kMostBuffersKept : kMostKept;
  if (kind == kUnpooled || t_lists.is_closed || t_lists.count[kind] >= most) return std::free(block);
  thread_local Closer closer;
  static_cast<void>(closer);
  block->next = t_lists.first[kind];
  t_lists.first[kind] = block;
  ++t_lists.count[kind];
}

void* pool_reallocate(void* memory, std::size_t size) noexcept {
  if (memory == nullptr) return pool_allocate(size);
  const std::size_t had = (static_cast<Header*>(memory) - 1)->size;
  if (size <= had && class_of(size) != kUnpooled) return memory;
  void* larger = pool_allocate(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, memory, had < size ? had : size);
  pool_free(memory);
  return larger;
}

bool pool_openssl_memory() {
  if constexpr (YZ_SANITIZER) return false;
  return CRYPTO_set_mem_functions([](std::size_t size, const char*, int) { return pool_allocate(size); },
                                  [](void* memory, std::size_t size, const char*, int) -> void* {
                                    if (size != 0) return pool_reallocate(memory, size);
                                    pool_free(memory);
                                    return nullptr;
                                  },
                                  [](void* memory, const char*, int) { pool_free(memory); }) == 1;
}

}  // namespace yz::net
