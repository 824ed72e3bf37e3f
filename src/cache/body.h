#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "cache/budget.h"
#include "cache/file_slab.h"
#include "cache/ref.h"

namespace yz::cache {

/// A piece of body memory, charged to the budget for as long as it lives. Filled by one producer, shared by reference;
/// bytes below a size that was handed to a reader never change again.
class Chunk {
 public:
  static constexpr std::uint32_t kMaxCapacity = FileSlab::kMaxSlot;
  /// None when the budget has no room. A chunk of FileSlab::kMinSlot or more lies in `slab` when that is given.
  [[nodiscard]] static Ref<Chunk> make(MemoryBudget& budget, std::uint32_t capacity, FileSlab* slab = nullptr);
  /// What a chunk of that capacity is charged.
  [[nodiscard]] static std::uint64_t charge_of(std::uint32_t capacity) {
    constexpr std::uint64_t kPage = 4096;
    const std::uint64_t held = capacity < FileSlab::kMinSlot ? capacity : (capacity + kPage - 1) / kPage * kPage;
    return held + sizeof(Chunk) + kMallocHeader;
  }

  [[nodiscard]] char* data() { return data_; }
  [[nodiscard]] const char* data() const { return data_; }
  /// The file its bytes lie in, at `file_offset`; -1: none.
  [[nodiscard]] int file() const { return slab_ == nullptr ? -1 : slab_->file(); }
  [[nodiscard]] std::uint64_t file_offset() const { return file_offset_; }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  static constexpr std::uint32_t kMallocHeader = 16;
  Chunk(MemoryBudget& budget, std::uint32_t capacity, FileSlab* slab, FileSlab::Slot slot)
      : budget_(budget),
        slab_(slot.data == nullptr ? nullptr : slab),
        data_(slot.data == nullptr ? reinterpret_cast<char*>(this + 1) : slot.data),
        file_offset_(slot.offset),
        capacity_(capacity) {}
  MemoryBudget& budget_;
  FileSlab* slab_;
  char* data_;
  std::uint64_t file_offset_;
  std::atomic<std::uint32_t> references_{1};
  const std::uint32_t capacity_;
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

  /// What of the body can be sent by sendfile.
  struct FileRun {
    int file = -1;
    std::uint64_t offset = 0;  ///< in the file
    std::uint64_t size = 0;    ///< 0: the bytes asked for lie in no file
  };
  /// The bytes from `offset` on that lie together in a file, at most `limit` of them.
  [[nodiscard]] FileRun file_run(std::uint64_t offset, std::uint64_t limit) const;
  /// True when some of it lies in a file.
  [[nodiscard]] bool has_file() const { return has_file_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  explicit Body(std::vector<Piece> pieces);
  std::atomic<std::uint32_t> references_{1};
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
  bool has_file_ = false;
};

}  // namespace yz::cache
