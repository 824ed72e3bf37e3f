#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "cache/budget.h"
#include "cache/ref.h"

namespace yz::cache {

/// A piece of body memory, charged to the budget for as long as it lives. Filled by one producer, shared by reference;
/// bytes below a size that was handed to a reader never change again.
class Chunk {
 public:
  static constexpr std::uint32_t kMaxCapacity = 256 * 1024;
  /// None when the budget has no room.
  [[nodiscard]] static Ref<Chunk> make(MemoryBudget& budget, std::uint32_t capacity);
  /// What a chunk of that capacity is charged.
  [[nodiscard]] static std::uint64_t charge_of(std::uint32_t capacity) {
    return capacity + sizeof(Chunk) + kMallocHeader;
  }

  [[nodiscard]] char* data() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  static constexpr std::uint32_t kMallocHeader = 16;
  Chunk(MemoryBudget& budget, std::uint32_t capacity) : budget_(budget), capacity_(capacity) {}
  MemoryBudget& budget_;
  std::atomic<std::uint32_t> references_{1};
  std::uint32_t capacity_;
};

/// A whole body, immutable. Objects share one when a 304 replaced only their head.
class Body {
 public:
  struct Piece {
    Ref<Chunk> chunk;
    std::uint32_t size;
  };
  [[nodiscard]] static Ref<Body> make(std::vector<Piece> pieces);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::size_t piece_count() const { return pieces_.size(); }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  /// The i-th run of bytes.
  [[nodiscard]] std::string_view piece(std::size_t i) const { return {pieces_[i].chunk->data(), pieces_[i].size}; }
  /// Fills `out` with the bytes from `offset` on, at most `limit` of them; returns how many entries were used. Call
  /// again with a later offset for the rest. No allocation; the bytes live as long as the body.
  [[nodiscard]] std::size_t gather(std::uint64_t offset, std::uint64_t limit, std::span<iovec> out) const;

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  explicit Body(std::vector<Piece> pieces);
  std::atomic<std::uint32_t> references_{1};
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

}  // namespace yz::cache
