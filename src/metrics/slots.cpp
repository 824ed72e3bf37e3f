#include "metrics/slots.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace yz::metrics {

constinit thread_local ThreadSlots* this_thread_slots = nullptr;

namespace {

/// Everything about slots that is shared. Lives as long as the process: threads may count until the very end.
struct Pool {
  std::mutex mutex;
  std::vector<ThreadSlots*> all;                          ///< of every thread that ever counted; never shrinks
  std::vector<ThreadSlots*> idle;                         ///< left by threads that ended
  std::multimap<std::uint32_t, std::uint32_t> free_runs;  ///< released slots: count -> first
  std::uint32_t next = 1;                                 ///< first slot never handed out; 0 is kDiscardSlot
};

Pool& pool() {
  static Pool* const the_pool = new Pool;
  return *the_pool;
}

/// Hands the thread's cells on when it ends.
struct ThreadEnd {
  ~ThreadEnd() {
    const std::lock_guard lock(pool().mutex);
    if (this_thread_slots != nullptr) pool().idle.push_back(this_thread_slots);
    this_thread_slots = nullptr;
  }
  void arm() {}
};

thread_local ThreadEnd thread_end;

void zero(std::uint32_t first, std::uint32_t count) {
  for (ThreadSlots* slots : pool().all) {
    Slot* chunk = slots->chunks[first / kSlotsPerChunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) continue;
    for (std::uint32_t i = 0; i < count; ++i) chunk[first % kSlotsPerChunk + i].store(0, std::memory_order_relaxed);
  }
}

}  // namespace

Slot& make_local_slot(std::uint32_t slot) {
  const std::lock_guard lock(pool().mutex);
  if (this_thread_slots == nullptr) {
    if (pool().idle.empty()) {
      pool().all.push_back(new ThreadSlots);
      this_thread_slots = pool().all.back();
    } else {
      this_thread_slots = pool().idle.back();
      pool().idle.pop_back();
    }
    thread_end.arm();
  }
  std::atomic<Slot*>& place = this_thread_slots->chunks[slot / kSlotsPerChunk];
  Slot* chunk = place.load(std::memory_order_relaxed);
  if (chunk == nullptr) {
    chunk = new Slot[kSlotsPerChunk]{};
    place.store(chunk, std::memory_order_release);
  }
  return chunk[slot % kSlotsPerChunk];
}

std::uint64_t sum_slot(std::uint32_t slot) {
  const std::lock_guard lock(pool().mutex);
  std::uint64_t sum = 0;
  for (const ThreadSlots* slots : pool().all) {
    const Slot* chunk = slots->chunks[slot / kSlotsPerChunk].load(std::memory_order_acquire);
    if (chunk != nullptr) sum += chunk[slot % kSlotsPerChunk].load(std::memory_order_relaxed);
  }
  return sum;
}

std::uint32_t reserve_slots(std::uint32_t count) {
  YZ_ASSERT(count > 0 && count <= kSlotsPerChunk);
  const std::lock_guard lock(pool().mutex);
  if (const auto run = pool().free_runs.find(count); run != pool().free_runs.end()) {
    const std::uint32_t first = run->second;
    pool().free_runs.erase(run);
    return first;
  }
  std::uint32_t first = pool().next;
  // A run never crosses a chunk, so that its cells are found from the first one.
  if (first / kSlotsPerChunk != (first + count - 1) / kSlotsPerChunk) {
    first = (first / kSlotsPerChunk + 1) * kSlotsPerChunk;
  }
  pool().next = first + count;
  YZ_ASSERT(pool().next <= kSlotsPerChunk * kMaxChunks);
  return first;
}

void release_slots(std::uint32_t first, std::uint32_t count) {
  const std::lock_guard lock(pool().mutex);
  zero(first, count);
  pool().free_runs.emplace(count, first);
}

}  // namespace yz::metrics
