#include "cache/body.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/result.h"

namespace yz::cache {

Ref<Chunk> Chunk::make(MemoryBudget& budget, std::uint32_t capacity, FileSlab* slab) {
  YZ_ASSERT(capacity > 0);
  if (!budget.try_charge(charge_of(capacity))) return {};
  FileSlab::Slot slot;
  if (slab != nullptr && capacity >= FileSlab::kMinSlot) slot = slab->take(capacity);
  void* memory = std::malloc(sizeof(Chunk) + (slot.data == nullptr ? capacity : 0));
  YZ_ASSERT(memory != nullptr);
  return Ref<Chunk>::adopt(new (memory) Chunk(budget, capacity, slab, slot));
}

void Chunk::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  MemoryBudget& budget = budget_;
  const std::uint64_t charge = charge_of(capacity_);
  if (slab_ != nullptr) slab_->give_back(file_offset_, capacity_);
  this->~Chunk();
  std::free(this);
  budget.release(charge);
}

Ref<Body> Body::make(std::vector<Piece> pieces) { return Ref<Body>::adopt(new Body(std::move(pieces))); }

Body::Body(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  for (const Piece& piece : pieces_) {
    size_ += piece.size;
    has_file_ = has_file_ || piece.chunk->file() >= 0;
  }
}

void Body::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

std::size_t Body::gather(std::uint64_t offset, std::uint64_t limit, std::span<iovec> out) const {
  std::size_t used = 0;
  for (const Piece& piece : pieces_) {
    if (limit == 0 || used == out.size()) break;
    if (offset >= piece.size) {
      offset -= piece.size;
      continue;
    }
    const std::uint64_t take = std::min<std::uint64_t>(piece.size - offset, limit);
    out[used++] = {const_cast<char*>(piece.chunk->data() + offset), static_cast<std::size_t>(take)};
    limit -= take;
    offset = 0;
  }
  return used;
}

Body::FileRun Body::file_run(std::uint64_t offset, std::uint64_t limit) const {
  FileRun run;
  for (const Piece& piece : pieces_) {
    if (offset >= piece.size) {
      offset -= piece.size;
      continue;
    }
    const bool goes_on = run.size == 0 || piece.chunk->file_offset() == run.offset + run.size;
    if (piece.chunk->file() < 0 || !goes_on || run.size >= limit) break;
    if (run.size == 0) run = {piece.chunk->file(), piece.chunk->file_offset() + offset, 0};
    run.size += piece.size - offset;
    offset = 0;
  }
  run.size = std::min(run.size, limit);
  return run;
}

}  // namespace yz::cache
