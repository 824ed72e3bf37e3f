#include "cache/arena.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include <sys/mman.h>

#include "base/result.h"
#include "base/sanitizer.h"

#if YZ_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace yz::cache {

namespace {

std::array<std::atomic<Arena*>, 256> arenas;  ///< by id; none has 0

/// Tells the address sanitizer what nobody may touch.
void poison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) {
#if YZ_ADDRESS_SANITIZER
  __asan_poison_memory_region(memory, size);
#endif
}
void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) {
#if YZ_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(memory, size);
#endif
}

/// None: null.
char* map_addresses(std::uint64_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  return base == MAP_FAILED ? nullptr : static_cast<char*>(base);
}

std::uint64_t rounded_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

}  // namespace

bool Arena::is_possible(ByteCount size) {
  char* const base = map_addresses(size.value);
  if (base != nullptr) ::munmap(base, size.value);
  return base != nullptr;
}

Arena::Arena(MemoryBudget& budget, ByteCount size) : budget_(budget), mapped_(rounded_up(size.value, kPage)) {
  while (mapped_ >> granule_shift_ >= kNone) ++granule_shift_;
  base_ = map_addresses(mapped_);
  YZ_ASSERT(base_ != nullptr);
  (void)::madvise(base_, mapped_, MADV_NOHUGEPAGE);  // what is charged is what is held
  held_.resize((mapped_ / kPage + 63) / 64);
  // The last block of each zone is never free, so that merging ends there.
  const auto granules = static_cast<std::uint32_t>((mapped_ - 4) >> granule_shift_);
  for (Number zone = 0; granules - zone > kMinSize;) {
    const std::uint32_t free = std::min(granules - zone - 1, kMaxSize);
    const Number last = zone + free;
    const auto page_of = [&](Number block) { return static_cast<std::size_t>((address(block) - base_) / kPage); };
    YZ_ASSERT(hold({page_of(zone), page_of(zone + 1) + 1}) && hold({page_of(last - 1), page_of(last) + 1}));
    set_field(last, 0, 1U << kFlagBits);
    set_free(zone, free, kIsTrimmed);
    zone = last + 1;
  }
  for (std::size_t id = 1; id < arenas.size(); ++id) {
    Arena* none = nullptr;
    if (!arenas[id].compare_exchange_strong(none, this)) continue;
    id_ = static_cast<std::uint8_t>(id);
    return;
  }
  YZ_ASSERT(!"at most 255 caches at a time");
}

Arena::~Arena() {
  arenas[id_].store(nullptr);
  budget_.release(usage_.held);
  unpoison(base_, mapped_);
  ::munmap(base_, mapped_);
}

Arena& Arena::of(std::uint8_t id) { return *arenas[id].load(std::memory_order_relaxed); }

// --- blocks ---

std::uint32_t Arena::field(Number block, std::size_t index) const {
  // Atomic, as the word of a taken block is read by its holder while a neighbour changes its flags.
  return __atomic_load_n(reinterpret_cast<std::uint32_t*>(address(block)) + index, __ATOMIC_RELAXED);
}

void Arena::set_field(Number block, std::size_t index, std::uint32_t value) {
  __atomic_store_n(reinterpret_cast<std::uint32_t*>(address(block)) + index, value, __ATOMIC_RELAXED);
}

std::size_t Arena::class_of(std::uint32_t size) {
  if (size < 1U << kSplitBits) return size;
  const auto log = static_cast<std::uint32_t>(std::bit_width(size)) - 1;
  return std::size_t{log - kSplitBits + 1} << kSplitBits | (size >> (log - kSplitBits) & ((1U << kSplitBits) - 1));
}

/// Makes it a free block of a list. The one before it is not free, nor is the one after it.
void Arena::set_free(Number block, std::uint32_t size, std::uint32_t trimmed) {
  const Number after = block + size;
  set_field(block, 0, size << kFlagBits | kIsFree | trimmed);
  set_field(after, 0, field(after, 0) | kIsAfterFree);
  *reinterpret_cast<std::uint32_t*>(address(after) - 4) = block;
  const std::size_t list = class_of(size);
  Lists& lists = lists_[trimmed != 0 ? 1 : 0];
  const Number second = lists.heads[list];
  set_field(block, 1, second);
  set_field(block, 2, kNone);
  if (second != kNone) set_field(second, 2, block);
  lists.heads[list] = block;
  lists.filled[list / 64] |= 1ULL << list % 64;
}

void Arena::unlink(Number block) {
  const Number next = field(block, 1);
  const Number before = field(block, 2);
  if (next != kNone) set_field(next, 2, before);
  if (before != kNone) return set_field(before, 1, next);
  Lists& lists = lists_of(block);
  const std::size_t list = class_of(size(block));
  lists.heads[list] = next;
  if (next == kNone) lists.filled[list / 64] &= ~(1ULL << list % 64);
}

/// A block of at least that size: the tightest among the first of its own class, or one of the next class that has any.
Arena::Number Arena::find(const Lists& lists, std::uint32_t wanted) const {
  constexpr int kLooks = 16;
  const std::size_t own = class_of(wanted);
  Number best = kNone;
  Number block = lists.heads[own];
  for (int looks = 0; block != kNone && looks < kLooks; ++looks, block = field(block, 1)) {
    const std::uint32_t there = size(block);
    if (there < wanted || (best != kNone && there >= size(best))) continue;
    best = block;
    if (there == wanted) break;
  }
  if (best != kNone) return best;
  const std::size_t from = own + 1;
  for (std::size_t i = from / 64; i < lists.filled.size(); ++i) {
    const std::uint64_t filled = i == from / 64 ? lists.filled[i] >> from % 64 << from % 64 : lists.filled[i];
    if (filled != 0) return lists.heads[i * 64 + static_cast<std::size_t>(std::countr_zero(filled))];
  }
  return kNone;
}

/// Takes a block out of its list, its pages held, and puts back what is not needed of it.
Arena::Number Arena::take_free(std::uint32_t wanted) {
  for (const Lists& lists : lists_) {
    const Number block = find(lists, wanted);
    if (block == kNone) continue;
    const std::uint32_t there = size(block);
    const bool is_split = there - wanted >= kMinSize;
    const std::uint32_t used = is_split ? wanted : there;
    // The head of what is put back lies in pages, too.
    const auto from = static_cast<std::uint64_t>(address(block) - base_);
    const std::uint64_t end = from + bytes_of(is_split ? used + kMinSize : used);
    const Pages pages{from / kPage, (end - 1) / kPage + 1};
    if (!hold(pages) && (trim_locked((pages.end - pages.first) * kPage) == 0 || !hold(pages))) continue;
    const std::uint32_t trimmed = field(block, 0) & kIsTrimmed;
    unlink(block);
    if (is_split) {
      unpoison(address(block + used), bytes_of(kMinSize));
      set_field(block + used, 0, 0);
      set_free(block + used, there - used, trimmed);
    } else {
      set_field(block + used, 0, field(block + used, 0) & ~kIsAfterFree);
    }
    set_field(block, 0, used << kFlagBits);
    return block;
  }
  return kNone;
}

void* Arena::take(std::size_t size) {
  const std::uint64_t granule = 1ULL << granule_shift_;
  const std::uint64_t granules = std::max<std::uint64_t>((size + 4 + granule - 1) >> granule_shift_, kMinSize);
  if (granules > kMaxSize) return nullptr;
  const std::lock_guard lock(mutex_);
  const Number block = take_free(static_cast<std::uint32_t>(granules));
  if (block == kNone) return nullptr;
  const std::uint64_t bytes = bytes_of(this->size(block));
  usage_.taken += bytes;
  unpoison(address(block) + 4, bytes - 4);
  return address(block) + 4;
}

void Arena::give_back(void* memory) {
  const auto at = static_cast<std::uint64_t>(static_cast<char*>(memory) - 8 - base_);
  auto block = static_cast<Number>(at >> granule_shift_);
  const std::lock_guard lock(mutex_);
  std::uint32_t merged = size(block);
  usage_.taken -= bytes_of(merged);
  poison(address(block) + 12, bytes_of(merged) - 16);
  if (const Number after = block + merged; has(after, kIsFree)) {
    unlink(after);
    merged += size(after);
  }
  if (has(block, kIsAfterFree)) {
    block = *reinterpret_cast<std::uint32_t*>(address(block) - 4);
    unlink(block);
    merged += size(block);
  }
  if (merged <= kMaxSize) set_free(block, merged, 0);
}

std::size_t Arena::size_of(const void* memory) const {
  const auto* const word = reinterpret_cast<const std::uint32_t*>(static_cast<const char*>(memory) - 4);
  return bytes_of(__atomic_load_n(word, __ATOMIC_RELAXED) >> kFlagBits);
}

std::uint32_t Arena::link_to(const void* memory) const {
  if (memory == nullptr) return 0;
  const auto at = static_cast<std::uint64_t>(static_cast<const char*>(memory) - 8 - base_);
  return static_cast<std::uint32_t>(at >> granule_shift_) + 1;
}

void* Arena::at(std::uint32_t link) const { return link == 0 ? nullptr : address(link - 1) + 4; }

// --- pages ---

/// Charges those that are not held yet; false, and nothing is, without room for them.
bool Arena::hold(Pages pages) {
  std::uint64_t fresh = 0;
  for (std::size_t page = pages.first; page < pages.end; ++page) fresh += is_held(page) ? 0 : 1;
  if (fresh == 0) return true;
  if (!budget_.try_charge(fresh * kPage)) return false;
  for (std::size_t page = pages.first; page < pages.end; ++page) held_[page / 64] |= 1ULL << page % 64;
  usage_.held += fresh * kPage;
  return true;
}

/// Gives those that are held back; returns how many bytes that is.
std::uint64_t Arena::drop(Pages pages) {
  std::uint64_t dropped = 0;
  for (std::size_t page = pages.first; page < pages.end;) {
    if (held_[page / 64] == 0) {
      page = (page / 64 + 1) * 64;
      continue;
    }
    std::size_t end = page;
    while (end < pages.end && is_held(end)) ++end;
    if (end == page) {
      ++page;
      continue;
    }
    if (::madvise(base_ + page * kPage, (end - page) * kPage, MADV_DONTNEED) == 0) {
      for (std::size_t gone = page; gone < end; ++gone) held_[gone / 64] &= ~(1ULL << gone % 64);
      dropped += (end - page) * kPage;
    }
    page = end;
  }
  budget_.release(dropped);
  usage_.held -= dropped;
  return dropped;
}

std::uint64_t Arena::trim_locked(std::uint64_t bytes) {
  // A block of two pages and a bit has a whole one within, wherever it lies.
  const std::size_t least = class_of(static_cast<std::uint32_t>((2 * kPage + 64) >> granule_shift_)) + 1;
  std::uint64_t trimmed = 0;
  for (std::size_t list = kClasses; list-- > least;) {
    while (lists_[0].heads[list] != kNone && trimmed < bytes) {
      const Number block = lists_[0].heads[list];
      const std::uint32_t blocks_size = size(block);
      unlink(block);
      // Word and links stay, and the number at the end.
      const auto from = static_cast<std::uint64_t>(address(block) - base_) + 12;
      const auto end = static_cast<std::uint64_t>(address(block + blocks_size) - base_) - 4;
      trimmed += drop({(from + kPage - 1) / kPage, end / kPage});
      set_free(block, blocks_size, kIsTrimmed);
    }
  }
  return trimmed;
}

std::uint64_t Arena::trim(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return trim_locked(bytes);
}

Arena::Usage Arena::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

}  // namespace yz::cache
