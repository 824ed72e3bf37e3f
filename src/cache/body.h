#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include <sys/uio.h>

#include "cache/arena.h"
#include "cache/file_slab.h"
#include "cache/ref.h"

namespace yz::cache {

/// A piece of body memory, charged to the budget for as long as it lives. Filled by one producer, shared by reference;
/// bytes below a size that was handed to a reader never change again.
class Chunk {
 public:
  static constexpr std::uint32_t kMaxCapacity = FileSlab::kMaxSlot;
  /// None when the budget has no room. A chunk of FileSlab::kMinSlot or more lies in `slab` when that is given.
  [[nodiscard]] static Ref<Chunk> make(Arena& arena, std::uint32_t capacity, FileSlab* slab = nullptr);
  /// What a chunk of that capacity is charged, at most.
  [[nodiscard]] static std::uint64_t charge_of(std::uint32_t capacity) {
    return sizeof(Chunk) + (capacity < FileSlab::kMinSlot ? capacity : FileSlab::charge_of(capacity));
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
  Chunk(Arena& arena, std::uint32_t capacity, FileSlab* slab, FileSlab::Slot slot)
      : arena_(arena),
        slab_(slot.data == nullptr ? nullptr : slab),
        data_(slot.data == nullptr ? reinterpret_cast<char*>(this + 1) : slot.data),
        file_offset_(slot.offset),
        capacity_(capacity) {}
  Arena& arena_;
  FileSlab* slab_;
  char* data_;
  std::uint64_t file_offset_;
  std::atomic<std::uint32_t> references_{1};
  const std::uint32_t capacity_;
};

/// What of a body can be sent by sendfile.
struct FileRun {
  int file = -1;
  std::uint64_t offset = 0;      ///< in the file
  std::uint64_t size = 0;        ///< 0: the bytes asked for lie in no file
  const char* mapped = nullptr;  ///< the same bytes in memory
};

/// A whole large body, immutable. Objects share one when a 304 replaced only their head.
class Body {
 public:
  struct Piece {
    Ref<Chunk> chunk;
    std::uint32_t size;
  };
  /// None when the arena has no room for the list of pieces.
  [[nodiscard]] static Ref<Body> make(Arena& arena, std::span<const Piece> pieces);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::span<const Piece> pieces() const { return {reinterpret_cast<const Piece*>(this + 1), count_}; }
  [[nodiscard]] bool has_file() const { return has_file_; }

  void acquire() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();

 private:
  Body(Arena& arena, std::span<const Piece> pieces);
  ~Body();
  Arena& arena_;
  std::atomic<std::uint32_t> references_{1};
  const std::uint32_t count_;
  std::uint64_t size_ = 0;
  bool has_file_ = false;
};

/// The bytes of an object's body, wherever they lie: in one run with the object, or in pieces. As long-lived as the
/// object it was got from.
class BodyView {
 public:
  BodyView() = default;
  explicit BodyView(std::string_view run) : run_(run) {}
  explicit BodyView(const Body& body) : body_(&body) {}

  /// False where there is no body, or an empty one.
  [[nodiscard]] explicit operator bool() const { return size() > 0; }
  [[nodiscard]] std::uint64_t size() const { return body_ == nullptr ? run_.size() : body_->size(); }
  [[nodiscard]] std::size_t piece_count() const {
    return body_ == nullptr ? (run_.empty() ? 0 : 1) : body_->pieces().size();
  }
  /// The i-th run of bytes.
  [[nodiscard]] std::string_view piece(std::size_t i) const {
    if (body_ == nullptr) return run_;
    const Body::Piece& piece = body_->pieces()[i];
    return {piece.chunk->data(), piece.size};
  }
  /// Fills `out` with the bytes from `offset` on, at most `limit` of them; returns how many entries were used. Call
  /// again with a later offset for the rest. No allocation.
  [[nodiscard]] std::size_t gather(std::uint64_t offset, std::uint64_t limit, std::span<iovec> out) const;
  /// The bytes from `offset` on that lie together in a file, at most `limit` of them.
  [[nodiscard]] FileRun file_run(std::uint64_t offset, std::uint64_t limit) const;
  /// True when some of it lies in a file.
  [[nodiscard]] bool has_file() const { return body_ != nullptr && body_->has_file(); }
  /// Null where it lies with the object.
  [[nodiscard]] const Body* shared() const { return body_; }

 private:
  std::string_view run_;
  const Body* body_ = nullptr;
};

}  // namespace yz::cache
