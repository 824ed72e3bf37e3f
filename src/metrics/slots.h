#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace yz::metrics {

// The cells under counters and histograms. A slot is a number; each thread has its own cell for it, which only that
// thread writes, and readers sum over all threads. Cells of a thread that ended are kept and given to the next thread,
// so a count never goes back.

using Slot = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t kSlotsPerChunk = 512;
inline constexpr std::uint32_t kMaxChunks = 512;
/// Where handles that belong to no registry count; never read.
inline constexpr std::uint32_t kDiscardSlot = 0;

/// The cells of one thread, made on demand in chunks that never move.
struct ThreadSlots {
  std::array<std::atomic<Slot*>, kMaxChunks> chunks{};
};

extern constinit thread_local ThreadSlots* this_thread_slots;

/// Gives this thread its cells for the slot's chunk; the slow path of `local_slot`, once per chunk and thread.
[[nodiscard]] Slot& make_local_slot(std::uint32_t slot);

/// The calling thread's own cell.
[[nodiscard]] inline Slot& local_slot(std::uint32_t slot) {
  if (ThreadSlots* mine = this_thread_slots; mine != nullptr) [[likely]] {
    if (Slot* chunk = mine->chunks[slot / kSlotsPerChunk].load(std::memory_order_relaxed); chunk != nullptr)
        [[likely]] {
      return chunk[slot % kSlotsPerChunk];
    }
  }
  return make_local_slot(slot);
}

/// Adds to a cell that only the caller writes.
inline void bump(Slot& cell, std::uint64_t by) {
  cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// The sum of a slot over all threads, past and present.
[[nodiscard]] std::uint64_t sum_slot(std::uint32_t slot);

/// Reserves `count` neighbouring slots within one chunk (at most kSlotsPerChunk), all zero.
/// Ends the process when kMaxChunks are in use: metrics are declared, not made from input.
[[nodiscard]] std::uint32_t reserve_slots(std::uint32_t count);
/// Gives them back; no thread may use them any more.
void release_slots(std::uint32_t first, std::uint32_t count);

}  // namespace yz::metrics
