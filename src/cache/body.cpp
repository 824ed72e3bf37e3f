#include "cache/body.h"

#include <algorithm>
#include <new>

#include "base/result.h"

namespace yz::cache {

Ref<Chunk> Chunk::make(Arena& arena, std::uint32_t capacity, FileSlab* slab) {
  YZ_ASSERT(capacity > 0);
  FileSlab::Slot slot;
  if (slab != nullptr && capacity >= FileSlab::kMinSlot) {
    if (!arena.budget().try_charge(FileSlab::charge_of(capacity))) return {};
    slot = slab->take(capacity);
    if (slot.data == nullptr) arena.budget().release(FileSlab::charge_of(capacity));
  }
  void* const memory = arena.take(sizeof(Chunk) + (slot.data == nullptr ? capacity : 0));
  if (memory != nullptr) return Ref<Chunk>::adopt(new (memory) Chunk(arena, capacity, slab, slot));
  if (slot.data != nullptr) {
    slab->give_back(slot.offset, capacity);
    arena.budget().release(FileSlab::charge_of(capacity));
  }
  return {};
}

void Chunk::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Arena& arena = arena_;
  if (slab_ != nullptr) {
    slab_->give_back(file_offset_, capacity_);
    arena.budget().release(FileSlab::charge_of(capacity_));
  }
  this->~Chunk();
  arena.give_back(this);
}

Ref<Body> Body::make(Arena& arena, std::span<const Piece> pieces) {
  void* const memory = arena.take(sizeof(Body) + pieces.size() * sizeof(Piece));
  return memory == nullptr ? Ref<Body>{} : Ref<Body>::adopt(new (memory) Body(arena, pieces));
}

Body::Body(Arena& arena, std::span<const Piece> pieces)
    : arena_(arena), count_(static_cast<std::uint32_t>(pieces.size())) {
  auto* to = reinterpret_cast<Piece*>(this + 1);
  for (const Piece& piece : pieces) {
    new (to++) Piece(piece);
    size_ += piece.size;
    has_file_ = has_file_ || piece.chunk->file() >= 0;
  }
}

Body::~Body() {
  for (const Piece& piece : pieces()) piece.~Piece();
}

void Body::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Arena& arena = arena_;
  this->~Body();
  arena.give_back(this);
}

std::size_t BodyView::gather(std::uint64_t offset, std::uint64_t limit, std::span<iovec> out) const {
  std::size_t used = 0;
  const std::size_t count = piece_count();
  for (std::size_t i = 0; i < count && limit > 0 && used < out.size(); ++i) {
    const std::string_view run = piece(i);
    if (offset >= run.size()) {
      offset -= run.size();
      continue;
    }
    const std::uint64_t take = std::min<std::uint64_t>(run.size() - offset, limit);
    out[used++] = {const_cast<char*>(run.data() + offset), static_cast<std::size_t>(take)};
    limit -= take;
    offset = 0;
  }
  return used;
}

FileRun BodyView::file_run(std::uint64_t offset, std::uint64_t limit) const {
  FileRun run;
  if (body_ == nullptr) return run;
  for (const Body::Piece& piece : body_->pieces()) {
    if (offset >= piece.size) {
      offset -= piece.size;
      continue;
    }
    const bool goes_on = run.size == 0 || piece.chunk->file_offset() == run.offset + run.size;
    if (piece.chunk->file() < 0 || !goes_on || run.size >= limit) break;
    if (run.size == 0)
      run = {piece.chunk->file(), piece.chunk->file_offset() + offset, 0, piece.chunk->data() + offset};
    run.size += piece.size - offset;
    offset = 0;
  }
  run.size = std::min(run.size, limit);
  return run;
}

}  // namespace yz::cache
