#include "cache/epoch.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace yz::cache {

namespace {

constexpr std::size_t kMaxReaders = 512;

/// Where one thread says since when it reads; zero: it does not.
struct alignas(64) ReaderSlot {
  std::atomic<std::uint64_t> since{0};
  std::atomic<bool> is_taken{false};
};

struct Retired {
  void* memory;
  void (*destroy)(void*);
  std::uint64_t at;
};

struct Domain {
  std::atomic<std::uint64_t> clock{1};
  std::atomic<std::size_t> high_water{0};  ///< slots ever taken
  std::array<ReaderSlot, kMaxReaders> readers;
  std::mutex mutex;
  std::deque<Retired> limbo;     ///< in the order of `at`
  std::uint64_t destroying = 0;  ///< taken out of limbo, not yet destroyed
};

Domain& domain() {
  static Domain* const the_domain = new Domain;
  return *the_domain;
}

ReaderSlot& take_slot() {
  for (std::size_t i = 0; i < kMaxReaders; ++i) {
    if (domain().readers[i].is_taken.exchange(true)) continue;
    std::size_t high = domain().high_water.load();
    while (high < i + 1 && !domain().high_water.compare_exchange_weak(high, i + 1)) {
    }
    return domain().readers[i];
  }
  YZ_ASSERT(!"more reading threads than slots");
  __builtin_unreachable();
}

struct SlotOwner {
  ReaderSlot* slot = nullptr;
  ~SlotOwner();
};

constinit thread_local ReaderSlot* my_slot = nullptr;
thread_local SlotOwner my_slot_owner;

SlotOwner::~SlotOwner() {
  if (slot != nullptr) slot->is_taken.store(false);
  my_slot = nullptr;
}

ReaderSlot& slot_of_this_thread() {
  if (my_slot == nullptr) [[unlikely]] {
    my_slot = &take_slot();
    my_slot_owner.slot = my_slot;
  }
  return *my_slot;
}

/// All readers of now began at or after this.
std::uint64_t oldest_reader() {
  std::uint64_t oldest = domain().clock.load(std::memory_order_seq_cst);
  const std::size_t end = domain().high_water.load(std::memory_order_seq_cst);
  for (std::size_t i = 0; i < end; ++i) {
    const std::uint64_t since = domain().readers[i].since.load(std::memory_order_seq_cst);
    if (since != 0 && since < oldest) oldest = since;
  }
  return oldest;
}

}  // namespace

Epoch::Guard::Guard() {
  ReaderSlot& slot = slot_of_this_thread();
  // An exchange, so that no later load of the reader is ordered before it (the writer looks in the opposite order).
  slot.since.exchange(domain().clock.load(std::memory_order_seq_cst), std::memory_order_seq_cst);
}

Epoch::Guard::~Guard() { slot_of_this_thread().since.store(0, std::memory_order_release); }

void Epoch::retire(void* memory, void (*destroy)(void*)) {
  {
    const std::lock_guard lock(domain().mutex);
    domain().limbo.push_back({memory, destroy, domain().clock.fetch_add(1, std::memory_order_seq_cst)});
  }
  collect();
}

void Epoch::collect() {
  std::vector<Retired> free_now;
  {
    const std::lock_guard lock(domain().mutex);
    if (domain().limbo.empty()) return;
    const std::uint64_t oldest = oldest_reader();
    while (!domain().limbo.empty() && domain().limbo.front().at < oldest) {
      free_now.push_back(domain().limbo.front());
      domain().limbo.pop_front();
    }
    domain().destroying += free_now.size();
  }
  if (free_now.empty()) return;
  for (const Retired& one : free_now) one.destroy(one.memory);
  const std::lock_guard lock(domain().mutex);
  domain().destroying -= free_now.size();
}

void Epoch::drain() {
  for (;;) {
    collect();
    {
      const std::lock_guard lock(domain().mutex);
      if (domain().limbo.empty() && domain().destroying == 0) return;
    }
    std::this_thread::yield();
  }
}

}  // namespace yz::cache
